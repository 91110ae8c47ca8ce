// Original file: proto/claudecluster.proto


export interface GetUpdateRequestInput {
  'updateId'?: (string);
}

export interface GetUpdateRequestMessage {
  'updateId': (string);
}
