// What can be made again goes when nobody has read it for a while: outputs of steps, and of the work folders those with
// checkpoints, scored photos and segments. State stays: which videos are done, their records, the best settings of a search.
// Registered models lie elsewhere, and stay.
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
                'work/triptych/06_models/shelf/checkpoints/'
                'work/triptych/07_model_output/shelf/scored/'
                'work/triptych/07_model_output/video/segments/'
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
