/** The text of a scenario: blocks of comments, commands, `----`, and the output that they gave. */

export interface Block {
  /** Comments and blank lines above the commands, kept as they are. */
  lead: string[];
  commands: string[];
  output: string;
}

/** A command: its name, plain words, and `key=value` or `key="several words"`. */
export interface Command {
  name: string;
  words: string[];
  given: Record<string, string>;
}

/** Blocks end at an empty line below the output; output itself has no empty line. */
export function parseScenario(text: string): Block[] {
  const blocks: Block[] = [];
  let block: Block = { lead: [], commands: [], output: '' };
  let inOutput = false;
  for (const line of text.trimEnd().split('\n')) {
    if (inOutput) {
      if (line.trim() !== '') {
        block.output += `${line}\n`;
        continue;
      }
      blocks.push(block);
      block = { lead: [], commands: [], output: '' };
      inOutput = false;
    } else if (line === '----') inOutput = true;
    else if (line.trim() === '' || line.startsWith('#')) block.lead.push(line);
    else block.commands.push(line);
  }
  if (block.commands.length > 0 || block.lead.length > 0) blocks.push(block);
  return blocks;
}

export function printScenario(blocks: Block[]): string {
  const text = blocks.map(({ lead, commands, output }) =>
    [...lead, ...commands, ...(commands.length > 0 ? ['----', output.trimEnd()] : [])].join('\n'),
  );
  return `${text.join('\n\n').trimEnd()}\n`;
}

export function parseCommand(line: string): Command {
  const command: Command = { name: '', words: [], given: {} };
  const withoutNote = line.replace(/\s+#.*$/, '');
  for (const [, key, quoted, plain, word] of withoutNote.matchAll(/([\w-]+)=(?:"([^"]*)"|(\S+))|(\S+)/g)) {
    if (key !== undefined) command.given[key] = quoted ?? plain ?? '';
    else if (command.name === '') command.name = word ?? '';
    else command.words.push(word ?? '');
  }
  return command;
}

/** "500ms", "60s", "2m" in milliseconds. */
export function parseTime(text: string): number {
  const match = /^(\d+)(ms|s|m)$/.exec(text);
  if (match === null) throw new Error(`not a time: ${text}`);
  return Number(match[1]) * { ms: 1, s: 1_000, m: 60_000 }[match[2] as 'ms' | 's' | 'm'];
}

export function formatTime(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
