// Original file: proto/claudecluster.proto


export interface ListRequestInput {
  'limit'?: (number);
}

export interface ListRequestMessage {
  'limit': (number);
}
