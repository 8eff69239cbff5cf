// Two clusters that cost nothing while nothing runs. The same as deploy/compute/*.yml. Of one that is there, Azure changes
// the number of nodes and no more: for another size, priority or identity up.sh deletes it first.
@description('Workspace they belong to.')
param workspaceName string

@description('Azure region.')
param location string

@description('Tags.')
param tags object

@description('VM size without GPU.')
param cpuVmSize string

@description('VM size with GPU.')
param gpuVmSize string

@description('Most CPU nodes.')
param cpuMaxNodes int

@description('Most GPU nodes.')
param gpuMaxNodes int

@description('Dedicated or LowPriority.')
param cpuPriority string

@description('Dedicated or LowPriority.')
param gpuPriority string

@description('Minutes without work after which a node is given back.')
param idleMinutes int

@description('Identity of CPU nodes, as a resource id.')
param cpuIdentityId string

@description('Identity of GPU nodes, as a resource id.')
param gpuIdentityId string

@description('Without public addresses, in the network of the workspace.')
param isolated bool

resource workspace 'Microsoft.MachineLearningServices/workspaces@2025-06-01' existing = {
  name: workspaceName
}

resource cpu 'Microsoft.MachineLearningServices/workspaces/computes@2025-06-01' = {
  parent: workspace
  name: 'cpu-cluster'
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${cpuIdentityId}': {}
    }
  }
  properties: {
    computeType: 'AmlCompute'
    disableLocalAuth: true
    properties: {
      vmSize: cpuVmSize
      vmPriority: cpuPriority
      osType: 'Linux'
      enableNodePublicIp: !isolated
      remoteLoginPortPublicAccess: 'Disabled'
      scaleSettings: {
        minNodeCount: 0
        maxNodeCount: cpuMaxNodes
        nodeIdleTimeBeforeScaleDown: 'PT${idleMinutes}M'
      }
    }
  }
}

resource gpu 'Microsoft.MachineLearningServices/workspaces/computes@2025-06-01' = {
  parent: workspace
  name: 'gpu-cluster'
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${gpuIdentityId}': {}
    }
  }
  properties: {
    computeType: 'AmlCompute'
    disableLocalAuth: true
    properties: {
      vmSize: gpuVmSize
      vmPriority: gpuPriority
      osType: 'Linux'
      enableNodePublicIp: !isolated
      remoteLoginPortPublicAccess: 'Disabled'
      scaleSettings: {
        minNodeCount: 0
        maxNodeCount: gpuMaxNodes
        nodeIdleTimeBeforeScaleDown: 'PT${idleMinutes}M'
      }
    }
  }
}

@description('Name of the CPU cluster.')
output cpuName string = cpu.name

@description('Name of the GPU cluster.')
output gpuName string = gpu.name
