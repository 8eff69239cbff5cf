// Outputs of steps and work folders go when nobody has read them for a while. Registered models lie elsewhere and stay.
@description('Internal storage account.')
param accountName string

@description('The id that Azure ML puts into the name of its default container.')
param workspaceGuid string

@description('Days without a read.')
param deleteUnusedAfterDays int

resource account 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: accountName
}

resource policy 'Microsoft.Storage/storageAccounts/managementPolicies@2023-05-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'delete-unused-outputs'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: {
              blobTypes: [
                'blockBlob'
              ]
              prefixMatch: [
                'azureml-blobstore-${workspaceGuid}/azureml/'
                'work/'
              ]
            }
            actions: {
              baseBlob: {
                delete: {
                  daysAfterLastAccessTimeGreaterThan: deleteUnusedAfterDays
                }
              }
            }
          }
        }
      ]
    }
  }
}
