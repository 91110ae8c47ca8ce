import { Metadata, status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClusterError, errorCodes } from '../errors.ts';
import { errorTrailer, fromStatus, toStatus } from './errors.ts';

describe('errors on the wire', () => {
  it('carry code, message and every detail, whatever characters they hold', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 200 });
    fc.assert(
      fc.property(
        fc.constantFrom(...errorCodes),
        text,
        text,
        text,
        text,
        text,
        (code, message, nodeId, seen, wanted, next) => {
          const back = fromStatus(toStatus(new ClusterError(code, message, { nodeId, seen, wanted, next })), 'n1:1');
          expect(back.toJSON()).toEqual({ code, message, nodeId, seen, wanted, next });
        },
      ),
      { numRuns: 200 },
    );
  });

  it('never carry the cause, which may name what a caller has no business with', () => {
    const sent = toStatus(new ClusterError('disk', 'cannot write', {}, new Error('secret path')));
    expect(JSON.stringify(sent) + String(sent.metadata.get(errorTrailer)[0])).not.toContain('secret');
  });

  it('stay small enough for a trailer and well-formed, however long or broken the text is', () => {
    const sent = toStatus(
      new ClusterError('refused', `\ud800${'ü'.repeat(100_000)}`, { seen: '\ud800'.repeat(50_000) }),
    );
    expect((sent.metadata.get(errorTrailer)[0] as Buffer).length).toBeLessThan(10_000);
    expect(() => encodeURI(sent.details)).not.toThrow();
    expect(sent.details.length).toBeLessThan(1100);
    expect(fromStatus(sent, 'n1:1').message).toMatch(/^\ufffdü+…$/);
  });

  it.each([
    [status.UNAVAILABLE, 'No connection established', 'unavailable'],
    [status.DEADLINE_EXCEEDED, 'Deadline exceeded', 'unavailable'],
    [status.CANCELLED, 'Cancelled on client', 'unavailable'],
    [
      status.INTERNAL,
      'Received RST_STREAM with code 2 triggered by internal client error: read ECONNRESET',
      'unavailable',
    ],
    [status.INTERNAL, 'Response message parsing error', 'internal'],
    [status.PERMISSION_DENIED, 'no', 'denied'],
    [status.UNAUTHENTICATED, 'who', 'denied'],
    [status.INVALID_ARGUMENT, 'bad', 'usage'],
    [status.NOT_FOUND, 'none', 'not-found'],
    [status.UNIMPLEMENTED, 'unknown method', 'internal'],
    [status.RESOURCE_EXHAUSTED, 'message too large', 'internal'],
    [99, 'beyond the table', 'internal'],
  ])('gives status %s (%s) the code %s', (code, details, expected) => {
    const error = fromStatus({ code, details, metadata: new Metadata() }, 'n1:7000');
    expect(error.code).toBe(expected);
    expect(error.message).toContain('n1:7000');
  });

  it.each(['not json', '[]', 'null', '{"message":1}', '"text"'])('ignores a trailer that holds %s', (text) => {
    const metadata = new Metadata();
    metadata.set(errorTrailer, Buffer.from(text));
    expect(fromStatus({ code: status.NOT_FOUND, details: 'x', metadata }, 'n1:1').code).toBe('not-found');
  });

  it('keeps the words of a code that only a newer peer knows', () => {
    const metadata = new Metadata();
    metadata.set(errorTrailer, Buffer.from(JSON.stringify({ code: 'from-the-future', message: 'm', next: 'do this' })));
    expect(fromStatus({ code: status.ABORTED, details: '', metadata }, 'n1:1').toJSON()).toEqual({
      code: 'internal',
      message: 'm',
      next: 'do this',
    });
  });
});
