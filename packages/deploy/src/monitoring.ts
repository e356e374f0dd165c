// For clusters with the Prometheus operator (monitoring.coreos.com/v1).
import { type Manifest, manifest } from './manifest.ts';
import { agentName, agentNamespace, controllerName, systemNamespace } from './names.ts';

export function monitoringManifests(): Manifest[] {
  const endpoint = { port: 'metrics', interval: '30s' };
  const selects = (name: string) => ({ selector: { matchLabels: { 'app.kubernetes.io/name': name } } });
  return [
    manifest(
      'monitoring.coreos.com/v1',
      'ServiceMonitor',
      { name: controllerName, namespace: systemNamespace },
      {
        spec: { ...selects(controllerName), endpoints: [endpoint] },
      },
    ),
    manifest(
      'monitoring.coreos.com/v1',
      'PodMonitor',
      { name: agentName, namespace: agentNamespace },
      {
        spec: { ...selects(agentName), podMetricsEndpoints: [endpoint] },
      },
    ),
  ];
}
