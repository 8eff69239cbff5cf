// Who may do what. Steps act as the identity of their cluster; nobody holds a key.
@description('Workspace.')
param workspaceName string

@description('External storage account.')
param mediaName string

@description('Internal storage account.')
param workName string

@description('Container registry.')
param registryName string

@description('Identity of the CPU cluster.')
param cpuPrincipalId string

@description('Identity of the GPU cluster.')
param gpuPrincipalId string

@description('Who submits runs; empty: nobody.')
param operatorId string

@description('User, Group or ServicePrincipal.')
param operatorType string

@description('Whether the CPU cluster builds images and so pushes to the registry.')
param imagesAreBuiltOnCluster bool

// Built-in roles, the same in every tenant.
var blobDataContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
var machineLearningDataScientist = 'f6c7c914-8db3-469d-8ca1-694a8f32e121'
var registryPull = '7f951dda-4ed3-4680-a7ca-43fe172d538d'
var registryPush = '8311e382-0749-4cb8-b61a-304f252e45ec'

var clusters = [
  { label: 'cpu', id: cpuPrincipalId, type: 'ServicePrincipal' }
  { label: 'gpu', id: gpuPrincipalId, type: 'ServicePrincipal' }
]
var operators = empty(operatorId) ? [] : [{ label: 'operator', id: operatorId, type: operatorType }]
var everyone = concat(clusters, operators)

resource workspace 'Microsoft.MachineLearningServices/workspaces@2025-06-01' existing = {
  name: workspaceName
}

resource media 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: mediaName
}

resource work 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: workName
}

resource registry 'Microsoft.ContainerRegistry/registries@2023-07-01' existing = {
  name: registryName
}

resource onMedia 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for who in everyone: {
  name: guid(media.id, who.label, blobDataContributor)
  scope: media
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataContributor)
    principalId: who.id
    principalType: who.type
  }
}]

resource onWork 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for who in everyone: {
  name: guid(work.id, who.label, blobDataContributor)
  scope: work
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataContributor)
    principalId: who.id
    principalType: who.type
  }
}]

// Clusters too: steps log to MLflow, register models and read assets.
resource onWorkspace 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for who in everyone: {
  name: guid(workspace.id, who.label, machineLearningDataScientist)
  scope: workspace
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', machineLearningDataScientist)
    principalId: who.id
    principalType: who.type
  }
}]

resource onRegistry 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for who in clusters: {
  name: guid(registry.id, who.label, registryPull)
  scope: registry
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', registryPull)
    principalId: who.id
    principalType: who.type
  }
}]

resource buildsImages 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (imagesAreBuiltOnCluster) {
  name: guid(registry.id, 'cpu', registryPush)
  scope: registry
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', registryPush)
    principalId: cpuPrincipalId
    principalType: 'ServicePrincipal'
  }
}
