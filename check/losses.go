package check

import (
	"context"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/device"
)

func (c *part) loss(ctx context.Context, d device.Device) (map[string][]float32, error) {
	return nil, &checkpoint.Unsupported{What: "the loss " + c.meta.Class}
}

func (c *part) layer(ctx context.Context, d device.Device) (map[string][]float32, error) {
	return nil, &checkpoint.Unsupported{What: "the layer " + c.meta.Class}
}
