// Videos that land start the pipeline where accounts are closed: a function in the virtual network looks into `landing` by
// the clock. Deployed by trigger.sh, when the endpoint is there. No event, no queue: neither has to reach in.
@description('Azure region: that of the virtual network.')
param location string = resourceGroup().location

@description('Start of the names, as main.bicep had it.')
param name string

@description('External storage account, with the container landing.')
param mediaName string

@description('Internal storage account.')
param workName string

@description('Azure ML workspace.')
param workspaceName string

@description('Where the batch endpoint is invoked, as `az ml batch-endpoint show` gives it.')
param scoringUri string

@description('How often the function looks whether something landed.')
@minValue(1)
@maxValue(59)
param everyMinutes int = 5

@description('Action group that hears of failures.')
param actionGroupName string

// An account of its own for the function's host, which is its owner: nobody else's data lie there.
var hostName = replace(mediaName, 'media', 'trig')
var appName = 'func-${name}-${substring(mediaName, length(mediaName) - 6)}'

resource media 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: mediaName
}

resource work 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: workName
}

resource workspace 'Microsoft.MachineLearningServices/workspaces@2025-06-01' existing = {
  name: workspaceName
}

resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' existing = {
  name: actionGroupName
}

resource logs 'Microsoft.OperationalInsights/workspaces@2023-09-01' existing = {
  name: 'log-${name}'
}

resource network 'Microsoft.Network/virtualNetworks@2023-11-01' existing = {
  name: 'vnet-${name}'
}

resource doorsSubnet 'Microsoft.Network/virtualNetworks/subnets@2023-11-01' existing = {
  parent: network
  name: 'endpoints'
}

resource functionsSubnet 'Microsoft.Network/virtualNetworks/subnets@2023-11-01' existing = {
  parent: network
  name: 'functions'
}

module host 'modules/storage.bicep' = {
  name: 'trigger-host'
  params: {
    name: hostName
    location: location
    tags: {
      project: name
    }
    sku: 'Standard_LRS'
    containers: [
      'deployment'
    ]
    isolated: true
    logsId: logs.id
  }
}

var doors = [
  'blob'
  'queue'
  'table'
]

resource hostDoors 'Microsoft.Network/privateEndpoints@2023-11-01' = [for door in doors: {
  name: 'pe-${name}-trigger-${door}'
  location: location
  properties: {
    subnet: {
      id: doorsSubnet.id
    }
    privateLinkServiceConnections: [
      {
        name: 'trigger-${door}'
        properties: {
          privateLinkServiceId: host.outputs.id
          groupIds: [
            door
          ]
        }
      }
    ]
  }
}]

resource hostNames 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2023-11-01' = [for (door, index) in doors: {
  parent: hostDoors[index]
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: door
        properties: {
          privateDnsZoneId: resourceId(
            'Microsoft.Network/privateDnsZones',
            'privatelink.${door}.${environment().suffixes.storage}'
          )
        }
      }
    ]
  }
}]

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  //checkov:skip=CKV_AZURE_225:a clock that misses a turn looks again at the next one
  name: 'plan-${name}-trigger'
  location: location
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  //checkov:skip=CKV_AZURE_212:a clock needs one instance
  //checkov:skip=CKV_AZURE_213:nobody calls it, so there is no path to look at
  //checkov:skip=CKV_AZURE_17:nobody calls it, so there is no client whose certificate could be asked for
  //checkov:skip=CKV_AZURE_222:the site answers nobody; its code is delivered with a token of Entra
  name: appName
  location: location
  kind: 'functionapp,linux'
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    virtualNetworkSubnetId: functionsSubnet.id
    siteConfig: {
      minTlsVersion: '1.2'
      http20Enabled: true
      ftpsState: 'Disabled'
      ipSecurityRestrictionsDefaultAction: 'Deny'
      appSettings: [
        {
          name: 'AzureWebJobsStorage__accountName'
          value: host.outputs.name
        }
        {
          name: 'LANDING_SCHEDULE'
          value: '0 */${everyMinutes} * * * *'
        }
        {
          name: 'LANDING_URI'
          value: '${media.properties.primaryEndpoints.blob}landing'
        }
        {
          name: 'MEMORY_URI'
          value: '${work.properties.primaryEndpoints.blob}work/trigger/landing.json'
        }
        {
          name: 'SCORING_URI'
          value: scoringUri
        }
        {
          name: 'HISTORY_URI'
          value: 'https://${workspace.properties.workspaceId}.workspace.${location}.api.azureml.ms/history/v1.0${workspace.id}'
        }
      ]
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: 'https://${hostName}.blob.${environment().suffixes.storage}/deployment'
          authentication: {
            type: 'SystemAssignedIdentity'
          }
        }
      }
      runtime: {
        name: 'python'
        version: '3.11'
      }
      scaleAndConcurrency: {
        instanceMemoryMB: 2048
        maximumInstanceCount: 40
      }
    }
  }
  dependsOn: [
    hostNames
  ]
}

// Code is delivered with tokens of Entra alone.
resource noFtp 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource noScm 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'scm'
  properties: {
    allow: false
  }
}

module access 'modules/starter-access.bicep' = {
  name: 'starter-access'
  params: {
    mediaName: mediaName
    workName: workName
    workspaceName: workspaceName
    starterPrincipalId: app.identity.principalId
  }
}

module hostAccess 'modules/host-access.bicep' = {
  name: 'function-host-access'
  params: {
    hostName: host.outputs.name
    appPrincipalId: app.identity.principalId
  }
}

resource record 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-logs'
  scope: app
  properties: {
    workspaceId: logs.id
    logs: [
      {
        category: 'FunctionAppLogs'
        enabled: true
      }
    ]
  }
}

resource failed 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: 'landing-failed'
  location: location
  properties: {
    description: 'The function that starts video failed, or the run it started did.'
    severity: 2
    enabled: true
    autoMitigate: true
    scopes: [
      logs.id
    ]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT15M'
    skipQueryValidation: true // the table is there with its first row
    criteria: {
      allOf: [
        {
          query: 'FunctionAppLogs | where Level in ("Error", "Critical") and FunctionName == "start_video"'
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
        }
      ]
    }
    actions: {
      actionGroups: [
        actionGroup.id
      ]
    }
  }
}

@description('Function app that looks for landed files.')
output app string = app.name
