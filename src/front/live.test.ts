import { describe, expect, it } from 'vitest';
import { createLiveScreen } from './live.ts';
import { line } from './render/text.ts';

/** As much of a terminal as a redraw needs: rows that wrap, a cursor, and the sequences that move it and erase. */
function terminal(columns = 20) {
  const rows = [''];
  let [row, column] = [0, 0];
  let cursor = true;
  let writes = 0;
  const put = (letter: string): void => {
    if (letter === '\r' || letter === '\n') column = 0;
    if (letter === '\r') return;
    if (letter === '\n') {
      row += 1;
      if (row === rows.length) rows.push('');
      return;
    }
    const cell = /[\u4e00-\u9fff]/.test(letter) ? `${letter}\u0000` : letter;
    if (column + cell.length > columns) put('\n');
    rows[row] =
      (rows[row] ?? '').slice(0, column).padEnd(column) + cell + (rows[row] ?? '').slice(column + cell.length);
    column += cell.length;
  };
  const obey = (argument: string, command: string): void => {
    if (command === 'A') row -= Number(argument || 1);
    else if (command === 'G') column = Number(argument || 1) - 1;
    else if (command === 'K') rows[row] = argument === '2' ? '' : (rows[row] ?? '').slice(0, column);
    else if (command === 'J') rows.splice(row, rows.length, (rows[row] ?? '').slice(0, column));
    else if (argument === '?25') cursor = command === 'h';
    else if (command !== 'm') throw new Error(`a sequence that this terminal does not know: ${argument}${command}`);
  };
  const write = async (chunk: string | Uint8Array): Promise<void> => {
    writes += 1;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what a terminal obeys
    for (const [, argument, command, letter] of String(chunk).matchAll(/\u001b\[([?\d;]*)([A-Za-z])|([^\u001b])/g)) {
      if (letter !== undefined) put(letter);
      else obey(argument ?? '', command ?? '');
    }
  };
  const live = createLiveScreen({ isTty: true, columns: () => columns, rows: () => 6, write }, true);
  return {
    live,
    shown: () => rows.join('\n').replaceAll('\u0000', '').trimEnd(),
    writes: () => writes,
    cursor: () => cursor,
  };
}

describe('redrawing in place', () => {
  it('puts each picture where the last one was, and leaves nothing of it', async () => {
    const { live, shown, cursor } = terminal();
    await live.draw([line('one', 'good'), line('two')]);
    expect(shown()).toBe('one\ntwo');
    expect(cursor()).toBe(false);
    await live.draw([line('three')]);
    expect(shown()).toBe('three');
    await live.draw([line('1'), line('2'), line('3')]);
    expect(shown()).toBe('1\n2\n3');
    await live.end();
    expect(shown()).toBe('1\n2\n3');
    expect(cursor()).toBe(true);
  });

  it('writes nothing when nothing changed', async () => {
    const { live, writes } = terminal();
    await live.draw([line('one')]);
    await live.draw([line('one')]);
    expect(writes()).toBe(1);
  });

  it('cuts lines to the width, so that each is one row, also where letters are two columns wide', async () => {
    const { live, shown } = terminal(10);
    await live.draw([line('0123456789abc')]);
    expect(shown()).toBe('01234567…');
    await live.draw([line('漢字漢字漢字漢字')]);
    await live.draw([line('after')]);
    expect(shown()).toBe('after');
  });

  it('resolves when the terminal has taken the picture', async () => {
    let take = (): void => undefined;
    const write = (): Promise<void> =>
      new Promise((done) => {
        take = done;
      });
    const live = createLiveScreen({ isTty: true, columns: () => 20, rows: () => 6, write }, false);
    let drawn = false;
    const drawing = live.draw([line('one')]).then(() => {
      drawn = true;
    });
    await new Promise((done) => setImmediate(done));
    expect(drawn).toBe(false);
    take();
    await drawing;
    expect(drawn).toBe(true);
  });
});
