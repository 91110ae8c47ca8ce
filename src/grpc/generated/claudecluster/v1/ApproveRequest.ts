// Original file: proto/claudecluster.proto


export interface ApproveRequestInput {
  'nodeId'?: (string);
}

export interface ApproveRequestMessage {
  'nodeId': (string);
}
