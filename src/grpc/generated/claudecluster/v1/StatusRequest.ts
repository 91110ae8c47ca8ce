// Original file: proto/claudecluster.proto


export interface StatusRequestInput {
}

export interface StatusRequestMessage {
}
