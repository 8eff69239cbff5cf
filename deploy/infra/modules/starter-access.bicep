// What whoever calls the batch endpoint of video may do: a workflow or a function. A job of a batch endpoint is that of who
// called it: what the job reads and writes, its caller must be allowed to. A file of its own, as an assignment is named by
// the principal.
@description('External storage account.')
param mediaName string

@description('Internal storage account.')
param workName string

@description('Azure ML workspace.')
param workspaceName string

@description('Identity of the caller.')
param starterPrincipalId string

var blobDataContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
var blobDataReader = '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
var machineLearningDataScientist = 'f6c7c914-8db3-469d-8ca1-694a8f32e121'

resource workspace 'Microsoft.MachineLearningServices/workspaces@2025-06-01' existing = {
  name: workspaceName
}

resource work 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: workName
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

resource starterInvokes 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(workspace.id, starterPrincipalId, machineLearningDataScientist)
  scope: workspace
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', machineLearningDataScientist)
    principalId: starterPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource starterReadsLanding 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(landing.id, starterPrincipalId, blobDataReader)
  scope: landing
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataReader)
    principalId: starterPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource starterWritesStyled 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(styled.id, starterPrincipalId, blobDataContributor)
  scope: styled
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataContributor)
    principalId: starterPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource starterWritesWork 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(work.id, starterPrincipalId, blobDataContributor)
  scope: work
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataContributor)
    principalId: starterPrincipalId
    principalType: 'ServicePrincipal'
  }
}
