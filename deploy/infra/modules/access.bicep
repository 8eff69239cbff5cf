// Who may do what. Steps act as the identity of their nodes; nobody holds a key.
// An assignment is named by what it is about: scope, principal and role. Azure changes none of the three, so one that was
// named otherwise could not be made for a second operator, or for an identity that was made anew.
@description('Workspace.')
param workspaceName string

@description('External storage account.')
param mediaName string

@description('Internal storage account.')
param workName string

@description('Container registry.')
param registryName string

@description('Identity of CPU nodes.')
param cpuPrincipalId string

@description('Identity of GPU nodes.')
param gpuPrincipalId string

@description('Identity of monitors.')
param monitorsPrincipalId string

@description('Who submits runs; empty: nobody.')
param operatorId string

@description('User, Group or ServicePrincipal.')
param operatorType string

@description('Whether CPU nodes build images and so push to the registry.')
param imagesAreBuiltOnCluster bool

// Built-in roles, the same in every tenant.
var blobDataContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
var blobDataReader = '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
var queueContributor = '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
var tableContributor = '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
var machineLearningDataScientist = 'f6c7c914-8db3-469d-8ca1-694a8f32e121'
var registryPull = '7f951dda-4ed3-4680-a7ca-43fe172d538d'
var registryPush = '8311e382-0749-4cb8-b61a-304f252e45ec'

var nodes = [
  { id: cpuPrincipalId, type: 'ServicePrincipal' }
  { id: gpuPrincipalId, type: 'ServicePrincipal' }
]
var cpuNodes = [
  { id: cpuPrincipalId, type: 'ServicePrincipal' }
]
var monitors = [
  { id: monitorsPrincipalId, type: 'ServicePrincipal' }
]
var operators = empty(operatorId) ? [] : [{ id: operatorId, type: operatorType }]

var writers = concat(concat(nodes, monitors), operators)
var submitters = concat(cpuNodes, operators)
var blobGrants = [for who in writers: { who: who, role: blobDataContributor }]
// Batch deployments keep their mini-batches in a queue and a table.
var queueGrants = [for who in nodes: { who: who, role: queueContributor }]
var tableGrants = [for who in nodes: { who: who, role: tableContributor }]
var workGrants = concat(concat(blobGrants, queueGrants), tableGrants)
// A step needs none for MLflow: Azure ML gives it a token of its run. CPU nodes do, for schedules submit from there.
var workspaceGrants = [for who in submitters: { who: who, role: machineLearningDataScientist }]
var pullGrants = [for who in nodes: { who: who, role: registryPull }]
var pushGrants = [for who in cpuNodes: { who: who, role: registryPush }]
var registryGrants = imagesAreBuiltOnCluster ? concat(pullGrants, pushGrants) : pullGrants

resource workspace 'Microsoft.MachineLearningServices/workspaces@2025-06-01' existing = {
  name: workspaceName
}

resource media 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: mediaName
}

resource mediaBlobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' existing = {
  parent: media
  name: 'default'
}

resource landing 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' existing = {
  parent: mediaBlobs
  name: 'landing'
}

resource styled 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' existing = {
  parent: mediaBlobs
  name: 'styled'
}

resource data 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' existing = {
  parent: mediaBlobs
  name: 'data'
}

resource work 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: workName
}

resource registry 'Microsoft.ContainerRegistry/registries@2023-07-01' existing = {
  name: registryName
}

// What others deliver is read, never written.
resource onLanding 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for who in nodes: {
  name: guid(landing.id, who.id, blobDataReader)
  scope: landing
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataReader)
    principalId: who.id
    principalType: who.type
  }
}]

resource onData 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for who in nodes: {
  name: guid(data.id, who.id, blobDataReader)
  scope: data
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataReader)
    principalId: who.id
    principalType: who.type
  }
}]

resource onStyled 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for who in nodes: {
  name: guid(styled.id, who.id, blobDataContributor)
  scope: styled
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataContributor)
    principalId: who.id
    principalType: who.type
  }
}]

resource onMedia 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for who in operators: {
  name: guid(media.id, who.id, blobDataContributor)
  scope: media
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataContributor)
    principalId: who.id
    principalType: who.type
  }
}]

resource onWork 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for grant in workGrants: {
  name: guid(work.id, grant.who.id, grant.role)
  scope: work
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', grant.role)
    principalId: grant.who.id
    principalType: grant.who.type
  }
}]

resource onWorkspace 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for grant in workspaceGrants: {
  name: guid(workspace.id, grant.who.id, grant.role)
  scope: workspace
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', grant.role)
    principalId: grant.who.id
    principalType: grant.who.type
  }
}]

resource onRegistry 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for grant in registryGrants: {
  name: guid(registry.id, grant.who.id, grant.role)
  scope: registry
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', grant.role)
    principalId: grant.who.id
    principalType: grant.who.type
  }
}]
