/** A throw-away CA for tests of the store: one certificate that is server and client at once. Needs openssl. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface TestTls {
  /** Paths of PEM files. */
  ca: string;
  cert: string;
  key: string;
}

const openssl = (args: string[]): void => {
  execFileSync('openssl', args, { stdio: 'pipe' });
};
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** Writes ca.pem, cert.pem and key.pem for 127.0.0.1 and localhost into `dir`. */
export function writeTestTls(dir: string): TestTls {
  mkdirSync(dir, { recursive: true });
  const file = (name: string): string => join(dir, name);
  const paths = { ca: file('ca.pem'), cert: file('cert.pem'), key: file('key.pem') };
  openssl([
    'req',
    '-x509',
    ...newKey,
    '-days',
    '2',
    '-subj',
    '/CN=test CA',
    '-keyout',
    file('ca.key'),
    '-out',
    paths.ca,
  ]);
  openssl(['req', ...newKey, '-subj', '/CN=test node', '-keyout', paths.key, '-out', file('request.pem')]);
  writeFileSync(
    file('extensions'),
    'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n',
  );
  openssl(
    ['x509', '-req', '-in', file('request.pem'), '-CA', paths.ca, '-CAkey', file('ca.key'), '-CAcreateserial'].concat([
      '-days',
      '2',
      '-extfile',
      file('extensions'),
      '-out',
      paths.cert,
    ]),
  );
  return paths;
}
