// For one online endpoint: more instances when they are busy, and a message when it is slow or fails.
// Deployed by serve.sh, when the deployment is there.
@description('Azure region: that of the endpoint.')
param location string = resourceGroup().location

@description('Azure ML workspace.')
param workspaceName string

@description('Online endpoint.')
param endpointName string

@description('Its deployment.')
param deploymentName string

@description('Fewest instances; an online deployment cannot go to zero.')
@minValue(1)
param minInstances int = 1

@description('Most instances.')
@minValue(1)
param maxInstances int = 3

@description('Milliseconds that 90 of 100 requests should stay below.')
param slowMs int

@description('Action group that is told.')
param actionGroupName string

resource workspace 'Microsoft.MachineLearningServices/workspaces@2025-06-01' existing = {
  name: workspaceName
}

resource endpoint 'Microsoft.MachineLearningServices/workspaces/onlineEndpoints@2025-06-01' existing = {
  parent: workspace
  name: endpointName
}

resource deployed 'Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments@2025-06-01' existing = {
  parent: endpoint
  name: deploymentName
}

resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' existing = {
  name: actionGroupName
}

resource scaling 'Microsoft.Insights/autoscalesettings@2022-10-01' = {
  name: 'scale-${endpointName}-${deploymentName}'
  location: location
  properties: {
    name: 'scale-${endpointName}-${deploymentName}'
    enabled: true
    targetResourceUri: deployed.id
    targetResourceLocation: location
    profiles: [
      {
        name: 'by-load'
        capacity: {
          minimum: string(minInstances)
          maximum: string(maxInstances)
          default: string(minInstances)
        }
        rules: [
          {
            metricTrigger: {
              metricName: 'CpuUtilizationPercentage'
              metricNamespace: 'microsoft.machinelearningservices/workspaces/onlineendpoints/deployments'
              metricResourceUri: deployed.id
              operator: 'GreaterThan'
              statistic: 'Average'
              threshold: 70
              timeAggregation: 'Average'
              timeGrain: 'PT1M'
              timeWindow: 'PT5M'
            }
            scaleAction: {
              direction: 'Increase'
              type: 'ChangeCount'
              value: '1'
              cooldown: 'PT5M'
            }
          }
          {
            metricTrigger: {
              metricName: 'CpuUtilizationPercentage'
              metricNamespace: 'microsoft.machinelearningservices/workspaces/onlineendpoints/deployments'
              metricResourceUri: deployed.id
              operator: 'LessThan'
              statistic: 'Average'
              threshold: 25
              timeAggregation: 'Average'
              timeGrain: 'PT1M'
              timeWindow: 'PT15M'
            }
            scaleAction: {
              direction: 'Decrease'
              type: 'ChangeCount'
              value: '1'
              cooldown: 'PT15M'
            }
          }
        ]
      }
    ]
  }
}

// A managed endpoint answers 424 for whatever the container does not answer by 200, so what failed is told by the
// container's own status: 400 is a request it refuses and no failure of ours.
var troubles = [
  {
    name: 'failing'
    description: 'The container answers with 5xx: see the log of the deployment.'
    severity: 1
    dimension: 'modelStatusCode'
    values: ['500', '501', '502', '503', '504']
  }
  {
    name: 'unreachable'
    description: 'The endpoint itself answers with 5xx: no container was reached.'
    severity: 1
    dimension: 'statusCodeClass'
    values: ['5xx']
  }
  {
    name: 'crowded'
    description: 'Requests are turned away by 429 or given up by 408: more instances, or fewer requests at once.'
    severity: 2
    dimension: 'statusCode'
    values: ['429', '408']
  }
]

resource trouble 'Microsoft.Insights/metricAlerts@2018-03-01' = [for item in troubles: {
  name: '${endpointName}-${item.name}'
  location: 'global'
  properties: {
    description: item.description
    severity: item.severity
    enabled: true
    autoMitigate: true
    scopes: [
      endpoint.id
    ]
    evaluationFrequency: 'PT1M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: item.name
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.MachineLearningServices/workspaces/onlineEndpoints'
          metricName: 'RequestsPerMinute'
          dimensions: [
            {
              name: item.dimension
              operator: 'Include'
              values: item.values
            }
          ]
          operator: 'GreaterThan'
          threshold: 0
          timeAggregation: 'Average'
        }
      ]
    }
    actions: [
      {
        actionGroupId: actionGroup.id
      }
    ]
  }
}]

resource slow 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${endpointName}-slow'
  location: 'global'
  properties: {
    description: 'One request in ten takes longer than it should.'
    severity: 2
    enabled: true
    autoMitigate: true
    scopes: [
      endpoint.id
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'latency'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.MachineLearningServices/workspaces/onlineEndpoints'
          metricName: 'RequestLatency_P90'
          operator: 'GreaterThan'
          threshold: slowMs
          timeAggregation: 'Average'
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
