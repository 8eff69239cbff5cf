// The Azure ML workspace. Its own identity gets its roles on storage, vault and registry from the service itself; monitors
// act as another one.
@description('Name of the workspace.')
param name string

@description('Azure region.')
param location string

@description('Tags.')
param tags object

@description('Default storage account.')
param storageId string

@description('Key vault.')
param vaultId string

@description('Container registry.')
param registryId string

@description('Application Insights.')
param insightsId string

@description('Log workspace.')
param logsId string

@description('Identity that monitors act as, as a resource id.')
param monitorsIdentityId string

@description('Build images on the CPU cluster, where the registry cannot.')
param imagesAreBuiltOnCluster bool

@description('Closed to the internet; clusters run in a network managed by the workspace.')
param isolated bool

resource workspace 'Microsoft.MachineLearningServices/workspaces@2025-06-01' = {
  //checkov:skip=CKV_AZURE_243:network.bicep makes the private endpoint when isolated
  name: name
  location: location
  tags: tags
  kind: 'Default'
  identity: {
    type: 'SystemAssigned,UserAssigned'
    userAssignedIdentities: {
      '${monitorsIdentityId}': {}
    }
  }
  sku: {
    name: 'Basic'
    tier: 'Basic'
  }
  properties: {
    friendlyName: name
    storageAccount: storageId
    keyVault: vaultId
    containerRegistry: registryId
    applicationInsights: insightsId
    // The default datastores hold no key: whoever reads needs a role.
    systemDatastoresAuthMode: 'Identity'
    hbiWorkspace: isolated
    v1LegacyMode: false
    publicNetworkAccess: isolated ? 'Disabled' : 'Enabled'
    // A closed registry cannot be built into from outside, and those of trial subscriptions do not build at all.
    imageBuildCompute: imagesAreBuiltOnCluster ? 'cpu-cluster' : null
    managedNetwork: {
      isolationMode: isolated ? 'AllowInternetOutbound' : 'Disabled'
    }
  }
}

resource record 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-logs'
  scope: workspace
  properties: {
    workspaceId: logsId
    logs: [
      {
        categoryGroup: 'allLogs'
        enabled: true
      }
    ]
  }
}

@description('Resource id.')
output id string = workspace.id

@description('Name.')
output name string = workspace.name

@description('The id that Azure ML puts into the names of its containers.')
output guid string = workspace.properties.workspaceId

@description('Identity of the workspace.')
output principalId string = workspace.identity.principalId
