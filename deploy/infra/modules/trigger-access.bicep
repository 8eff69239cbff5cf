// What event and workflow of trigger.bicep may do. A file of its own, as an assignment is named by the principal, which is
// known only after topic and workflow are there.
@description('External storage account.')
param mediaName string

@description('Identity of the Event Grid topic.')
param topicPrincipalId string

@description('Identity of the workflow.')
param workflowPrincipalId string

var queueSender = 'c6a89b2d-59bc-44d0-9896-0f6e12d7b80a'
var queueContributor = '974c5e8b-45b9-4653-ba55-5f855dd0fb88'

resource media 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: mediaName
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
