// What event and workflow of trigger.bicep may do. A file of its own, as an assignment is named by the principal, which is
// known only after topic and workflow are there.
@description('External storage account.')
param mediaName string

@description('Internal storage account.')
param workName string

@description('Azure ML workspace.')
param workspaceName string

@description('Identity of the Event Grid topic.')
param topicPrincipalId string

@description('Identity of the workflow.')
param workflowPrincipalId string

var queueSender = 'c6a89b2d-59bc-44d0-9896-0f6e12d7b80a'
var queueContributor = '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
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

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2023-05-01' existing = {
  parent: media
  name: 'default'
}

resource landed 'Microsoft.Storage/storageAccounts/queueServices/queues@2023-05-01' existing = {
  parent: queues
  name: 'landed'
}

resource topicSends 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(media.id, topicPrincipalId, queueSender)
  scope: media
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', queueSender)
    principalId: topicPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource workflowReadsQueue 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(landed.id, workflowPrincipalId, queueContributor)
  scope: landed
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', queueContributor)
    principalId: workflowPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource workflowInvokes 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(workspace.id, workflowPrincipalId, machineLearningDataScientist)
  scope: workspace
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', machineLearningDataScientist)
    principalId: workflowPrincipalId
    principalType: 'ServicePrincipal'
  }
}

// A job of a batch endpoint is that of who called it: what the job reads and writes, the workflow must be allowed to.
resource workflowReadsLanding 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(landing.id, workflowPrincipalId, blobDataReader)
  scope: landing
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataReader)
    principalId: workflowPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource workflowWritesStyled 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(styled.id, workflowPrincipalId, blobDataContributor)
  scope: styled
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataContributor)
    principalId: workflowPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource workflowWritesWork 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(work.id, workflowPrincipalId, blobDataContributor)
  scope: work
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataContributor)
    principalId: workflowPrincipalId
    principalType: 'ServicePrincipal'
  }
}
