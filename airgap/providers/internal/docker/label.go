package docker

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"airgap.local/cdktf-mlops/providers/internal/tf"
)

type labelModel struct {
	Label types.String `tfsdk:"label"`
	Value types.String `tfsdk:"value"`
}

func labelsBlock() schema.SetNestedBlock {
	return tf.SetBlock(map[string]schema.Attribute{
		"label": tf.RequiredString(tf.InPlace), "value": tf.RequiredString(tf.InPlace)})
}

func plainLabels(labels []labelModel) map[string]string {
	out := map[string]string{}
	for _, l := range labels {
		out[l.Label.ValueString()] = l.Value.ValueString()
	}
	return out
}

func labelsOf(seen map[string]string) []labelModel {
	out := []labelModel{}
	for _, k := range tf.SortedKeys(seen) {
		out = append(out, labelModel{types.StringValue(k), types.StringValue(seen[k])})
	}
	return out
}
