// Who steps and monitors act as. Made apart from clusters and workspace: a cluster that is made anew keeps its roles, and
// batch deployments and monitors ask for user-assigned identities where storage takes no keys.
@description('Start of the names.')
param name string

@description('Azure region.')
param location string

@description('Tags.')
param tags object

resource cpu 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-${name}-cpu'
  location: location
  tags: tags
}

resource gpu 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-${name}-gpu'
  location: location
  tags: tags
}

resource monitors 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-${name}-monitors'
  location: location
  tags: tags
}

@description('Resource id of the identity of CPU nodes.')
output cpuId string = cpu.id

@description('Object id of the identity of CPU nodes.')
output cpuPrincipalId string = cpu.properties.principalId

@description('Resource id of the identity of GPU nodes.')
output gpuId string = gpu.id

@description('Object id of the identity of GPU nodes.')
output gpuPrincipalId string = gpu.properties.principalId

@description('Resource id of the identity of monitors.')
output monitorsId string = monitors.id

@description('Object id of the identity of monitors.')
output monitorsPrincipalId string = monitors.properties.principalId
