/**
 * grpc-js reports a connection that broke under a call as INTERNAL or UNKNOWN as well as UNAVAILABLE; only its words tell
 * that apart from an answer of the peer.
 */
const words = /RST_STREAM|ECONNRESET|EPIPE|ERR_HTTP2|[Cc]onnection|socket hang up/;

export function saysBrokenConnection(text: string): boolean {
  return words.test(text);
}
