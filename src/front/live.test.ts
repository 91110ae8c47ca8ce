import { describe, expect, it } from 'vitest';
import { createLiveScreen } from './live.ts';
import { line } from './render/text.ts';

function screen(columns = 20) {
  const written: string[] = [];
  const write = async (chunk: string | Uint8Array): Promise<void> => void written.push(String(chunk));
  const live = createLiveScreen({ isTty: true, columns: () => columns, rows: () => 24, write }, false);
  return { live, written };
}

describe('redrawing in place', () => {
  it('goes up over what it drew, clears what is left, and shows the cursor again at the end', async () => {
    const { live, written } = screen();
    await live.draw([line('one'), line('two')]);
    await live.draw([line('three')]);
    await live.end();
    expect(written).toEqual([
      '\u001b[?25lone\u001b[K\ntwo\u001b[K\n\u001b[J',
      '\u001b[2A\rthree\u001b[K\n\u001b[J',
      '\u001b[?25h',
    ]);
  });

  it('writes nothing when nothing changed', async () => {
    const { live, written } = screen();
    await live.draw([line('one')]);
    await live.draw([line('one')]);
    expect(written).toHaveLength(1);
  });

  it('cuts lines to the width, so that each is one row', async () => {
    const { live, written } = screen(10);
    await live.draw([line('0123456789abc')]);
    expect(written[0]).toContain('01234567…\u001b[K');
  });
});
