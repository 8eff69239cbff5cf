// Ways from the workspace's managed network: to the external account, and to queue and table of the internal one, in which
// batch deployments keep their mini-batches. Those to blobs, vault and registry of its own it makes itself.
@description('Workspace.')
param workspaceName string

@description('Identity of the workspace, which approves the connection.')
param workspacePrincipalId string

@description('External storage account.')
param mediaName string

@description('Internal storage account.')
param workName string

var networkConnectionApprover = 'b556d68e-0be0-4f35-a333-ad7ee1ce17ea'

resource workspace 'Microsoft.MachineLearningServices/workspaces@2025-06-01' existing = {
  name: workspaceName
}

resource media 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: mediaName
}

resource work 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: workName
}

resource approvesMedia 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(media.id, workspacePrincipalId, networkConnectionApprover)
  scope: media
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', networkConnectionApprover)
    principalId: workspacePrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource approvesWork 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(work.id, workspacePrincipalId, networkConnectionApprover)
  scope: work
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', networkConnectionApprover)
    principalId: workspacePrincipalId
    principalType: 'ServicePrincipal'
  }
}

var ways = [
  { name: 'media-blob', account: media.id, target: 'blob' }
  { name: 'work-queue', account: work.id, target: 'queue' }
  { name: 'work-table', account: work.id, target: 'table' }
]

// One after the other: the workspace takes a single change at a time.
@batchSize(1)
resource rules 'Microsoft.MachineLearningServices/workspaces/outboundRules@2025-06-01' = [for way in ways: {
  parent: workspace
  name: way.name
  properties: {
    type: 'PrivateEndpoint'
    category: 'UserDefined'
    destination: {
      serviceResourceId: way.account
      subresourceTarget: way.target
      sparkEnabled: false
    }
  }
  dependsOn: [
    approvesMedia
    approvesWork
  ]
}]
