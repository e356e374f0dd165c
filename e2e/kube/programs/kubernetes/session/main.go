// A program as operators are written: it works on the cluster of KUBECONFIG with client-go's defaults (typed clients that
// send protobuf, an informer, server-side apply, the event recorder, leader election) and prints a line for each step.
// The first thing that is not as it must be ends it with exit code 1.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/retry"
)

const (
	bound     = 2 * time.Minute
	namespace = "client-go"
)

var pools = schema.GroupVersionResource{
	Group:    "machineconfiguration.openshift.io",
	Version:  "v1",
	Resource: "machineconfigpools",
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	steps := []struct {
		name string
		do   func(context.Context, *rest.Config, kubernetes.Interface) error
	}{
		{"discovery", discover},
		{"create, update, patch and delete by a typed client", write},
		{"conflict and retry", conflict},
		{"informer", inform},
		{"informer of a custom kind", informCustom},
		{"server-side apply", apply},
		{"pages", page},
		{"events", recordEvents},
		{"leader election", elect},
	}
	for _, step := range steps {
		if err := step.do(ctx, config, client); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		fmt.Printf("ok %s\n", step.name)
	}
	return nil
}

func discover(_ context.Context, _ *rest.Config, client kubernetes.Interface) error {
	_, lists, err := client.Discovery().ServerGroupsAndResources()
	if err != nil {
		return err
	}
	for _, list := range lists {
		for _, resource := range list.APIResources {
			if list.GroupVersion == pools.GroupVersion().String() && resource.Name == pools.Resource {
				return nil
			}
		}
	}
	return errors.New("the pools are not there")
}

func write(ctx context.Context, _ *rest.Config, client kubernetes.Interface) error {
	space := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	if _, err := client.CoreV1().Namespaces().Create(ctx, space, metav1.CreateOptions{}); err != nil {
		return err
	}
	maps := client.CoreV1().ConfigMaps(namespace)
	made, err := maps.Create(ctx, configMap("written", map[string]string{"a": "1"}), metav1.CreateOptions{})
	if err != nil {
		return err
	}
	if _, err := maps.Create(ctx, configMap("written", nil), metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("a second create: %v", err)
	}
	made.Data["a"] = "2"
	if made, err = maps.Update(ctx, made, metav1.UpdateOptions{}); err != nil {
		return err
	}
	patch := []byte(`{"data":{"b":"3"}}`)
	patched, err := maps.Patch(ctx, "written", types.StrategicMergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		return err
	}
	if patched.Data["a"] != "2" || patched.Data["b"] != "3" || patched.UID != made.UID {
		return fmt.Errorf("after the patch: %v", patched.Data)
	}
	foreground := metav1.DeletePropagationForeground
	options := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &patched.UID}, PropagationPolicy: &foreground}
	if err := maps.Delete(ctx, "written", options); err != nil {
		return err
	}
	return wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		_, err := maps.Get(ctx, "written", metav1.GetOptions{})
		return apierrors.IsNotFound(err), nil
	})
}

func conflict(ctx context.Context, _ *rest.Config, client kubernetes.Interface) error {
	maps := client.CoreV1().ConfigMaps(namespace)
	stale, err := maps.Create(ctx, configMap("contended", map[string]string{"a": "1"}), metav1.CreateOptions{})
	if err != nil {
		return err
	}
	fresh := stale.DeepCopy()
	fresh.Data["a"] = "2"
	if _, err := maps.Update(ctx, fresh, metav1.UpdateOptions{}); err != nil {
		return err
	}
	if _, err := maps.Update(ctx, stale, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		return fmt.Errorf("a stale update: %v", err)
	}
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		current, err := maps.Get(ctx, "contended", metav1.GetOptions{})
		if err != nil {
			return err
		}
		current.Data["a"] = "3"
		_, err = maps.Update(ctx, current, metav1.UpdateOptions{})
		return err
	})
}

func inform(ctx context.Context, _ *rest.Config, client kubernetes.Interface) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	maps := client.CoreV1().ConfigMaps(namespace)
	if _, err := maps.Create(ctx, configMap("before", nil), metav1.CreateOptions{}); err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace))
	informer := factory.Core().V1().ConfigMaps().Informer()
	seen := make(chan string, 100)
	if err := follow(informer, seen); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return errors.New("never synced")
	}
	if _, exists, err := informer.GetStore().GetByKey(namespace + "/before"); err != nil || !exists {
		return fmt.Errorf("what was there before is not in the store: %v", err)
	}
	if _, err := maps.Create(ctx, configMap("watched", nil), metav1.CreateOptions{}); err != nil {
		return err
	}
	patch := []byte(`{"data":{"a":"1"}}`)
	if _, err := maps.Patch(ctx, "watched", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		return err
	}
	if err := maps.Delete(ctx, "watched", metav1.DeleteOptions{}); err != nil {
		return err
	}
	return expect(ctx, seen, "added watched", "updated watched", "deleted watched")
}

func informCustom(ctx context.Context, config *rest.Config, _ kubernetes.Interface) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := dynamicinformer.NewDynamicSharedInformerFactory(client, 0)
	informer := factory.ForResource(pools).Informer()
	seen := make(chan string, 1000)
	if err := follow(informer, seen); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return errors.New("never synced")
	}
	if _, err := client.Resource(pools).Create(ctx, pool("client-go", true), metav1.CreateOptions{}); err != nil {
		return err
	}
	patch := []byte(`{"metadata":{"labels":{"a":"b"}}}`)
	if _, err := client.Resource(pools).Patch(ctx, "client-go", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		return err
	}
	if err := client.Resource(pools).Delete(ctx, "client-go", metav1.DeleteOptions{}); err != nil {
		return err
	}
	return expect(ctx, seen, "added client-go", "updated client-go", "deleted client-go")
}

func apply(ctx context.Context, _ *rest.Config, client kubernetes.Interface) error {
	maps := client.CoreV1().ConfigMaps(namespace)
	wanted := func(value string) *applycorev1.ConfigMapApplyConfiguration {
		return applycorev1.ConfigMap("applied", namespace).WithData(map[string]string{"a": value})
	}
	first, err := maps.Apply(ctx, wanted("1"), metav1.ApplyOptions{FieldManager: "one"})
	if err != nil {
		return err
	}
	again, err := maps.Apply(ctx, wanted("1"), metav1.ApplyOptions{FieldManager: "one"})
	if err != nil {
		return err
	}
	if first.ResourceVersion != again.ResourceVersion {
		return errors.New("the same again is a change")
	}
	_, err = maps.Apply(ctx, wanted("2"), metav1.ApplyOptions{FieldManager: "two"})
	if !apierrors.IsConflict(err) {
		return fmt.Errorf("no conflict: %v", err)
	}
	forced, err := maps.Apply(ctx, wanted("2"), metav1.ApplyOptions{FieldManager: "two", Force: true})
	if err != nil {
		return err
	}
	extracted, err := applycorev1.ExtractConfigMap(forced, "two")
	if err != nil {
		return err
	}
	if forced.Data["a"] != "2" || extracted.Data["a"] != "2" {
		return fmt.Errorf("forced: %v, extracted: %v", forced.Data, extracted.Data)
	}
	return nil
}

func page(ctx context.Context, _ *rest.Config, client kubernetes.Interface) error {
	secrets := client.CoreV1().Secrets(namespace)
	for index := range 7 {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{GenerateName: "page-"}, StringData: map[string]string{"a": "b"}}
		secret.Labels = map[string]string{"page": fmt.Sprint(index)}
		if _, err := secrets.Create(ctx, secret, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	count := 0
	options := metav1.ListOptions{Limit: 3, LabelSelector: "page"}
	for {
		list, err := secrets.List(ctx, options)
		if err != nil {
			return err
		}
		count += len(list.Items)
		if options.Continue = list.Continue; options.Continue == "" {
			break
		}
	}
	if count != 7 {
		return fmt.Errorf("%d of 7 secrets", count)
	}
	return secrets.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "page"})
}

func recordEvents(ctx context.Context, _ *rest.Config, client kubernetes.Interface) error {
	broadcaster := record.NewBroadcaster()
	defer broadcaster.Shutdown()
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events(namespace)})
	recorder := broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "session"})
	about, err := client.CoreV1().ConfigMaps(namespace).Get(ctx, "applied", metav1.GetOptions{})
	if err != nil {
		return err
	}
	for range 3 {
		recorder.Event(about, corev1.EventTypeNormal, "Tried", "it worked")
	}
	return wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		list, err := client.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.name=applied"})
		if err != nil {
			return false, err
		}
		return len(list.Items) == 1 && list.Items[0].Count == 3, nil
	})
}

// Two candidates: the second leads once the first lets go, and not before.
func elect(ctx context.Context, _ *rest.Config, client kubernetes.Interface) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	changes := make(chan string, 10)
	first, letGo := context.WithCancel(ctx)
	defer letGo()
	go candidate(first, client, "first", changes)
	if err := expect(ctx, changes, "first leads"); err != nil {
		return err
	}
	go candidate(ctx, client, "second", changes)
	select {
	case change := <-changes:
		return fmt.Errorf("%s while the first leads", change)
	case <-time.After(3 * time.Second):
	}
	letGo()
	return expect(ctx, changes, "first ends", "second leads")
}

func candidate(ctx context.Context, client kubernetes.Interface, name string, changes chan<- string) {
	leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Name: "session", Namespace: namespace},
			Client:     client.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: name},
		},
		LeaseDuration:   15 * time.Second,
		RenewDeadline:   10 * time.Second,
		RetryPeriod:     500 * time.Millisecond,
		ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) { changes <- name + " leads" },
			OnStoppedLeading: func() { changes <- name + " ends" },
		},
	})
}

func follow(informer cache.SharedIndexInformer, seen chan<- string) error {
	name := func(object any) string {
		if last, ok := object.(cache.DeletedFinalStateUnknown); ok {
			object = last.Obj
		}
		if meta, ok := object.(metav1.Object); ok {
			return meta.GetName()
		}
		return "?"
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { seen <- "added " + name(object) },
		UpdateFunc: func(_, object any) { seen <- "updated " + name(object) },
		DeleteFunc: func(object any) { seen <- "deleted " + name(object) },
	})
	return err
}

// Each of the texts comes, in this order; others may come between them.
func expect(ctx context.Context, seen <-chan string, texts ...string) error {
	for _, text := range texts {
		for found := false; !found; {
			select {
			case got := <-seen:
				found = got == text
			case <-ctx.Done():
				return fmt.Errorf("never seen: %s", text)
			}
		}
	}
	return nil
}

func configMap(name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: data}
}

func pool(name string, paused bool) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": pools.GroupVersion().String(),
		"kind":       "MachineConfigPool",
		"metadata":   map[string]any{"name": name},
		"spec":       map[string]any{"paused": paused},
	}}
}
