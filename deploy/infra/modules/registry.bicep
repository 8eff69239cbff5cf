// Where the images of environments are kept. Only Premium registries can be isolated.
@description('Name of the registry.')
param name string

@description('Azure region.')
param location string

@description('Tags.')
param tags object

@description('Reached through private endpoints only.')
param isolated bool

@description('Log workspace for the record of pulls and pushes.')
param logsId string

resource registry 'Microsoft.ContainerRegistry/registries@2023-07-01' = {
  //checkov:skip=CKV_AZURE_139:disabled when isolated, see publicNetworkAccess
  //checkov:skip=CKV_AZURE_163:scanning is bought for a subscription (Defender for Cloud), not set on a registry
  //checkov:skip=CKV_AZURE_166:quarantine would hold back the images Azure ML builds, as nothing here releases them
  name: name
  location: location
  tags: tags
  sku: {
    name: isolated ? 'Premium' : 'Basic'
  }
  properties: {
    adminUserEnabled: false
    publicNetworkAccess: isolated ? 'Disabled' : 'Enabled'
    networkRuleBypassOptions: 'AzureServices'
  }
}

resource record 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-logs'
  scope: registry
  properties: {
    workspaceId: logsId
    logs: [
      {
        category: 'ContainerRegistryRepositoryEvents'
        enabled: true
      }
      {
        category: 'ContainerRegistryLoginEvents'
        enabled: true
      }
    ]
  }
}

@description('Resource id.')
output id string = registry.id

@description('Name.')
output name string = registry.name
