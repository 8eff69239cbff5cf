// Videos that land start the pipeline: event -> queue -> workflow -> batch endpoint. Deployed by trigger.sh, when the
// endpoint is there. Many files make one run: the queue only says that something landed, the run itself finds what.
// Needs open accounts: a workflow of this kind cannot reach private endpoints. Isolated, function.bicep takes its place.
@description('Azure region: that of the storage account.')
param location string = resourceGroup().location

@description('External storage account, with the container landing.')
param mediaName string

@description('Internal storage account.')
param workName string

@description('Azure ML workspace.')
param workspaceName string

@description('Where the batch endpoint is invoked, as `az ml batch-endpoint show` gives it.')
param scoringUri string

@description('How often the workflow looks whether something landed.')
@minValue(1)
param everyMinutes int = 5

@description('Action group that hears of failures.')
param actionGroupName string

var definition = loadJsonContent('landing-workflow.json')
var recurrence = {
  triggers: {
    Every_few_minutes: {
      type: 'Recurrence'
      recurrence: {
        frequency: 'Minute'
        interval: everyMinutes
      }
      // One at a time, for as long as the pipeline runs: two runs would work on the same files.
      operationOptions: 'SingleInstance'
    }
  }
}

resource media 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: mediaName
}

resource workspace 'Microsoft.MachineLearningServices/workspaces@2025-06-01' existing = {
  name: workspaceName
}

resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' existing = {
  name: actionGroupName
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2023-05-01' = {
  parent: media
  name: 'default'
}

resource landed 'Microsoft.Storage/storageAccounts/queueServices/queues@2023-05-01' = {
  parent: queues
  name: 'landed'
}

// For others: what is finished leaves a message here for a week; nothing of ours reads it.
resource finished 'Microsoft.Storage/storageAccounts/queueServices/queues@2023-05-01' = {
  parent: queues
  name: 'finished'
}

resource topic 'Microsoft.EventGrid/systemTopics@2022-06-15' = {
  name: 'evgt-${mediaName}'
  location: location
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    source: media.id
    topicType: 'Microsoft.Storage.StorageAccounts'
  }
}

module starter 'modules/starter-access.bicep' = {
  name: 'starter-access'
  params: {
    mediaName: mediaName
    workName: workName
    workspaceName: workspaceName
    starterPrincipalId: workflow.identity.principalId
  }
}

module access 'modules/trigger-access.bicep' = {
  name: 'trigger-access'
  params: {
    mediaName: mediaName
    topicPrincipalId: topic.identity.principalId
    workflowPrincipalId: workflow.identity.principalId
  }
  dependsOn: [
    landed
  ]
}

resource landings 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2022-06-15' = {
  parent: topic
  name: 'landed'
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    filter: {
      includedEventTypes: [
        'Microsoft.Storage.BlobCreated'
      ]
      subjectBeginsWith: '/blobServices/default/containers/landing/'
    }
    deliveryWithResourceIdentity: {
      identity: {
        type: 'SystemAssigned'
      }
      destination: {
        endpointType: 'StorageQueue'
        properties: {
          resourceId: media.id
          queueName: landed.name
          queueMessageTimeToLiveInSeconds: 604800
        }
      }
    }
    retryPolicy: {
      maxDeliveryAttempts: 30
      eventTimeToLiveInMinutes: 1440
    }
  }
  dependsOn: [
    access
  ]
}

resource finishings 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2022-06-15' = {
  parent: topic
  name: 'finished'
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    filter: {
      includedEventTypes: [
        'Microsoft.Storage.BlobCreated'
      ]
      subjectBeginsWith: '/blobServices/default/containers/styled/'
    }
    deliveryWithResourceIdentity: {
      identity: {
        type: 'SystemAssigned'
      }
      destination: {
        endpointType: 'StorageQueue'
        properties: {
          resourceId: media.id
          queueName: finished.name
          queueMessageTimeToLiveInSeconds: 604800
        }
      }
    }
    retryPolicy: {
      maxDeliveryAttempts: 30
      eventTimeToLiveInMinutes: 1440
    }
  }
  dependsOn: [
    access
  ]
}

resource workflow 'Microsoft.Logic/workflows@2019-05-01' = {
  name: 'logic-landing'
  location: location
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    state: 'Enabled'
    definition: union(definition, recurrence)
    parameters: {
      queueUri: {
        value: '${media.properties.primaryEndpoints.queue}${landed.name}'
      }
      storageAudience: {
        value: 'https://storage.azure.com/'
      }
      scoringUri: {
        value: scoringUri
      }
      jobsUri: {
        value: '${environment().resourceManager}${skip(workspace.id, 1)}/jobs'
      }
      managementAudience: {
        value: environment().resourceManager
      }
    }
  }
}

resource failed 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'landing-failed'
  location: 'global'
  properties: {
    description: 'The workflow that starts video failed, or the run it started did.'
    severity: 2
    enabled: true
    autoMitigate: true
    scopes: [
      workflow.id
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'failed'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.Logic/workflows'
          metricName: 'RunsFailed'
          operator: 'GreaterThan'
          threshold: 0
          timeAggregation: 'Total'
        }
      ]
    }
    actions: [
      {
        actionGroupId: actionGroup.id
      }
    ]
  }
}

@description('Workflow that looks for landed files.')
output workflow string = workflow.name
