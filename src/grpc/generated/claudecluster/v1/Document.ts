// Original file: proto/claudecluster.proto


export interface DocumentInput {
  'json'?: (string);
}

export interface DocumentMessage {
  'json': (string);
}
