// An integration made with Keptn's own Go SDK, as the tests of real peers run it: nothing in it knows Signet.
//
// For each task it is subscribed to it fetches a resource of its service, may write an error log, and answers. What it
// saw goes to standard output, a JSON object a line.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strings"
	"sync"

	"github.com/keptn/go-utils/pkg/api/models"
	apiv2 "github.com/keptn/go-utils/pkg/api/utils/v2"
	keptnv2 "github.com/keptn/go-utils/pkg/lib/v0_2_0"
	"github.com/keptn/go-utils/pkg/sdk"
)

var saying sync.Mutex

func say(fact map[string]any) {
	saying.Lock()
	defer saying.Unlock()
	line, err := json.Marshal(fact)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(line))
}

type handler struct{}

func (handler) Execute(keptn sdk.IKeptn, event sdk.KeptnEvent) (any, *sdk.Error) {
	data := keptnv2.EventData{}
	if err := keptnv2.Decode(event.Data, &data); err != nil {
		return nil, failure(err)
	}
	say(map[string]any{"saw": *event.Type, "id": event.ID, "context": event.Shkeptncontext})
	content, err := fetch(keptn, data, event.GitCommitID)
	if err != nil {
		return nil, failure(err)
	}
	if os.Getenv("PEER_WRITES_LOG") == "true" {
		entry := models.LogEntry{IntegrationID: own(keptn), Message: "a log of the peer", Task: "deployment"}
		keptn.APIV2().Logs().Log([]models.LogEntry{entry}, apiv2.LogsLogOptions{})
		if err := keptn.APIV2().Logs().Flush(context.Background(), apiv2.LogsFlushOptions{}); err != nil {
			return nil, failure(err)
		}
	}
	if strings.HasPrefix(data.Service, "failing") {
		return nil, failure(fmt.Errorf("told to fail"))
	}
	data.Message = content
	return data, nil
}

// The resource that every test puts there, at the commit that the event names where it names one.
func fetch(keptn sdk.IKeptn, data keptnv2.EventData, commit string) (string, error) {
	scope := apiv2.NewResourceScope().Project(data.Project).Stage(data.Stage).Service(data.Service).Resource("job/config.yaml")
	options := apiv2.ResourcesGetResourceOptions{}
	if commit != "" {
		options.URIOptions = []apiv2.URIOption{apiv2.AppendQuery(map[string][]string{"gitCommitID": {commit}})}
	}
	resource, err := keptn.APIV2().Resources().GetResource(context.Background(), *scope, options)
	if err != nil {
		return "", fmt.Errorf("resource: %w", err)
	}
	say(map[string]any{"resource": resource.ResourceContent})
	return resource.ResourceContent, nil
}

// How job-executor-service finds its own registration: by its name.
func own(keptn sdk.IKeptn) string {
	all, err := keptn.APIV2().Uniform().GetRegistrations(context.Background(), apiv2.UniformGetRegistrationsOptions{})
	if err != nil {
		say(map[string]any{"error": err.Error()})
		return ""
	}
	ids := make([]string, 0, len(all))
	for _, one := range all {
		ids = append(ids, one.ID+" "+one.Name+" "+one.MetaData.KubernetesMetaData.Namespace)
	}
	say(map[string]any{"registrations": ids})
	if len(all) == 0 {
		return ""
	}
	return all[0].ID
}

func failure(err error) *sdk.Error {
	return &sdk.Error{StatusType: keptnv2.StatusErrored, ResultType: keptnv2.ResultFailed, Message: err.Error(), Err: err}
}

func main() {
	log.SetOutput(os.Stderr)
	name := os.Getenv("PEER_NAME")
	peer := sdk.NewKeptn(name, sdk.WithTaskHandler("sh.keptn.event.deployment.triggered", handler{}))
	say(map[string]any{"starts": name})
	if err := peer.Start(); err != nil {
		say(map[string]any{"ends": err.Error()})
		os.Exit(1)
	}
	say(map[string]any{"ends": ""})
}
