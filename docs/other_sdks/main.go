// Prints, as one line of JSON for each call, what the SDK makes of each fault: go run . URL FAULT...
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
)

const (
	timeout  = 2 * time.Second
	patience = 8 * time.Second // before the program gives up on a call that has no end
)

type result struct {
	Fault  string  `json:"fault"`
	Way    string  `json:"way"`
	End    string  `json:"end"`
	Error  string  `json:"error"`
	OfSDK  bool    `json:"of_sdk"`
	Status *int    `json:"status"`
	Cause  *string `json:"cause"`
	Events int     `json:"events"`
}

func ended(client anthropic.Client, model string) result {
	found := result{Fault: model, Way: "NewStreaming", End: "completed"}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	stream := client.Messages.NewStreaming(ctx, anthropic.MessageNewParams{
		Model:     anthropic.Model(model),
		MaxTokens: 64,
		Messages:  []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("Hello"))},
	})
	for stream.Next() {
		found.Events++
	}
	err := stream.Err()
	if ctx.Err() != nil {
		found.End = "waiting"
	} else if err != nil {
		var refused *anthropic.Error
		found.End, found.Error = "error", fmt.Sprintf("%T", err)
		if errors.As(err, &refused) {
			found.OfSDK, found.Status = true, &refused.StatusCode
		}
		if cause := errors.Unwrap(err); cause != nil {
			kind := fmt.Sprintf("%T", cause)
			found.Cause = &kind
		}
	}
	return found
}

func main() {
	url, faults := os.Args[1], os.Args[2:]
	client := anthropic.NewClient(
		option.WithBaseURL(url), option.WithAPIKey("any"), option.WithMaxRetries(0), option.WithRequestTimeout(timeout),
	)
	for _, model := range faults {
		line, _ := json.Marshal(ended(client, model))
		fmt.Println(string(line))
	}
}
