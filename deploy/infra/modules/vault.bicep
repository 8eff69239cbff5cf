// The vault the workspace asks for. Triptych keeps no secret in it.
@description('Name of the vault.')
param name string

@description('Azure region.')
param location string

@description('Tags.')
param tags object

@description('Reached through private endpoints only.')
param isolated bool

@description('Nobody can purge it before its 7 days are over. Cannot be switched off again.')
param purgeProtection bool

@description('Log workspace for the audit trail.')
param logsId string

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  //checkov:skip=CKV_AZURE_109:denied when isolated, see networkAcls
  //checkov:skip=CKV_AZURE_189:disabled when isolated, see publicNetworkAccess
  //checkov:skip=CKV_AZURE_110:on by default; the small set-up switches it off so that down.sh leaves nothing
  //checkov:skip=CKV_AZURE_42:the same
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: subscription().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    enablePurgeProtection: purgeProtection ? true : null
    softDeleteRetentionInDays: 7
    publicNetworkAccess: isolated ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: isolated ? 'Deny' : 'Allow'
    }
  }
}

resource record 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-logs'
  scope: vault
  properties: {
    workspaceId: logsId
    logs: [
      {
        category: 'AuditEvent'
        enabled: true
      }
    ]
  }
}

@description('Resource id.')
output id string = vault.id

@description('Name.')
output name string = vault.name
