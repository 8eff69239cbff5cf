// The way from the workspace's managed network to the external account; those to its own services it makes itself.
@description('Workspace.')
param workspaceName string

@description('Identity of the workspace, which approves the connection.')
param workspacePrincipalId string

@description('External storage account.')
param mediaName string

var networkConnectionApprover = 'b556d68e-0be0-4f35-a333-ad7ee1ce17ea'

resource workspace 'Microsoft.MachineLearningServices/workspaces@2025-06-01' existing = {
  name: workspaceName
}

resource media 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: mediaName
}

resource approver 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(media.id, workspacePrincipalId, networkConnectionApprover)
  scope: media
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', networkConnectionApprover)
    principalId: workspacePrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource rule 'Microsoft.MachineLearningServices/workspaces/outboundRules@2025-06-01' = {
  parent: workspace
  name: 'media-blob'
  properties: {
    type: 'PrivateEndpoint'
    category: 'UserDefined'
    destination: {
      serviceResourceId: media.id
      subresourceTarget: 'blob'
      sparkEnabled: false
    }
  }
  dependsOn: [
    approver
  ]
}
