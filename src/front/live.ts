/** Redraws a block of lines in place on a terminal. The only part of the live view that knows about cursors. */
import { createLogUpdate } from 'log-update';
import type { Output } from './context.ts';
import { fit, type Line, paint } from './render/text.ts';

export interface LiveScreen {
  /** Resolves when the terminal has taken the picture: over a slow line the next one waits. */
  draw(lines: Line[]): Promise<void>;
  /** Leaves the last picture standing and shows the cursor again. */
  end(): Promise<void>;
}

const hideCursor = '\u001b[?25l';
const showCursor = '\u001b[?25h';

/** `color`: paint styles. Lines are cut to the terminal's width: what may be long comes last, and is not worth a row. */
export function createLiveScreen(output: Output, color: boolean): LiveScreen {
  let hidden = false;
  let taken = Promise.resolve();
  const stream = {
    get columns() {
      return output.columns();
    },
    get rows() {
      return output.rows();
    },
    write(text: string) {
      taken = output.write(hidden ? text : `${hideCursor}${text}`);
      hidden = true;
      return true;
    },
  };
  // The cursor is ours: the library hides that of stderr.
  const redraw = createLogUpdate(stream as NodeJS.WriteStream, { showCursor: true });
  return {
    draw(lines) {
      redraw(lines.map((row) => paint(fit(row, output.columns() - 1), color)).join('\n'));
      return taken;
    },
    async end() {
      if (hidden) await output.write(showCursor);
      hidden = false;
    },
  };
}
