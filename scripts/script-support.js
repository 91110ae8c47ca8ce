/** What the scripts have in common. */
import { realpathSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/** Is the module with this URL the program that was started? */
export function isMain(url) {
  return process.argv[1] !== undefined && url === pathToFileURL(realpathSync(process.argv[1])).href;
}

/** Options of the form `--name VALUE`, each name one of `names`; null when there is anything else. */
export function readOptions(argv, names) {
  const options = {};
  for (let index = 0; index < argv.length; index += 2) {
    const name = argv[index].slice(2);
    if (!argv[index].startsWith('--') || !names.includes(name) || argv[index + 1] === undefined) return null;
    options[name] = argv[index + 1];
  }
  return options;
}
