// The function of function.bicep and the account of its host. A file of its own, as an assignment is named by the principal.
@description('Account of the host.')
param hostName string

@description('Identity of the function app.')
param appPrincipalId string

var blobDataOwner = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
var queueContributor = '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
var tableContributor = '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'

// What Microsoft asks for by AzureWebJobsStorage: locks and code in blobs, and what the host notes in queue and table.
var hostGrants = [
  { who: { id: appPrincipalId }, role: blobDataOwner }
  { who: { id: appPrincipalId }, role: queueContributor }
  { who: { id: appPrincipalId }, role: tableContributor }
]

resource host 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: hostName
}

resource appOwnsHost 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for grant in hostGrants: {
  name: guid(host.id, grant.who.id, grant.role)
  scope: host
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', grant.role)
    principalId: grant.who.id
    principalType: 'ServicePrincipal'
  }
}]
