// Failed jobs, and nodes that have been running all day. Those of endpoints are in serving.bicep.
@description('Start of the names.')
param name string

@description('Tags.')
param tags object

@description('Azure ML workspace.')
param workspaceId string

@description('Log workspace the queries are saved in.')
param logsName string

@description('Who is told.')
param actionGroupId string

resource failed 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-failed-jobs'
  location: 'global'
  tags: tags
  properties: {
    description: 'A job of Triptych failed.'
    severity: 2
    enabled: true
    autoMitigate: true
    scopes: [
      workspaceId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'failed'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.MachineLearningServices/workspaces'
          metricName: 'Failed Runs'
          operator: 'GreaterThan'
          threshold: 0
          timeAggregation: 'Total'
        }
      ]
    }
    actions: [
      {
        actionGroupId: actionGroupId
      }
    ]
  }
}

resource busy 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-nodes-all-day'
  location: 'global'
  tags: tags
  properties: {
    description: 'On average at least one node ran for a day: is that meant, or does a job hang?'
    severity: 3
    enabled: true
    autoMitigate: true
    scopes: [
      workspaceId
    ]
    evaluationFrequency: 'PT1H'
    windowSize: 'P1D'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'nodes'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.MachineLearningServices/workspaces'
          metricName: 'Active Nodes'
          operator: 'GreaterThanOrEqual'
          threshold: 1
          timeAggregation: 'Average'
        }
      ]
    }
    actions: [
      {
        actionGroupId: actionGroupId
      }
    ]
  }
}

resource logs 'Microsoft.OperationalInsights/workspaces@2023-09-01' existing = {
  name: logsName
}

resource failures 'Microsoft.OperationalInsights/workspaces/savedSearches@2020-08-01' = {
  parent: logs
  name: '${name}-failures'
  properties: {
    category: 'Triptych'
    displayName: 'Failed jobs of the last week'
    query: loadTextContent('../../monitoring/failures.kql')
  }
}

resource nodes 'Microsoft.OperationalInsights/workspaces/savedSearches@2020-08-01' = {
  parent: logs
  name: '${name}-nodes'
  properties: {
    category: 'Triptych'
    displayName: 'How clusters grew and shrank'
    query: loadTextContent('../../monitoring/nodes.kql')
  }
}
