/** Redraws a block of lines in place on a terminal. The only part of the live view that knows about cursors. */
import type { Output } from './context.ts';
import { fit, type Line, paint } from './render/text.ts';

export interface LiveScreen {
  draw(lines: Line[]): Promise<void>;
  /** Leaves the last picture standing and shows the cursor again. */
  end(): Promise<void>;
}

const hideCursor = '\u001b[?25l';
const showCursor = '\u001b[?25h';

/** `color`: paint styles. Lines are cut to the terminal's width, so that one line is one row and the way back up is known. */
export function createLiveScreen(output: Output, color: boolean): LiveScreen {
  let drawn = 0;
  let last = '';
  let hidden = false;
  return {
    async draw(lines) {
      const columns = output.columns();
      const text = lines.map((row) => `${paint(fit(row, columns - 1), color)}\u001b[K\n`).join('');
      if (text === last) return;
      const up = drawn > 0 ? `\u001b[${drawn}A\r` : '';
      await output.write(`${hidden ? '' : hideCursor}${up}${text}\u001b[J`);
      hidden = true;
      drawn = lines.length;
      last = text;
    },
    async end() {
      if (hidden) await output.write(showCursor);
      hidden = false;
    },
  };
}
