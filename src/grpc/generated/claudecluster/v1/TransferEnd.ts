// Original file: proto/claudecluster.proto


export interface TransferEndInput {
  'exitCode'?: (number);
  'stderr'?: (string);
}

export interface TransferEndMessage {
  'exitCode': (number);
  'stderr': (string);
}
