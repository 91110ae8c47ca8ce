// Original file: proto/claudecluster.proto


export interface HealthCheckRequestInput {
}

export interface HealthCheckRequestMessage {
}
