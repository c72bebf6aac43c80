package docker

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/listplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"airgap.local/cdktf-mlops/providers/internal/tf"
)

// Schema has the published provider's names, types and nesting, its defaults, and what each change does there.
// Whatever changes in place, but is not among the limits that Update sends, never reaches a container that exists.
func (r *containerResource) Schema(_ context.Context, _ resource.SchemaRequest, p *resource.SchemaResponse) {
	p.Schema = schema.Schema{
		Attributes: map[string]schema.Attribute{
			"id":          tf.ID(),
			"name":        tf.RequiredString(tf.Replaces),
			"image":       tf.RequiredString(tf.Replaces),
			"hostname":    tf.TakenString(tf.Replaces),
			"entrypoint":  tf.TakenStringList(),
			"command":     tf.TakenStringList(),
			"env":         tf.TakenStringSet(),
			"user":        tf.TakenString(tf.Replaces),
			"working_dir": tf.TakenString(tf.Replaces),
			"group_add":   tf.OptionalStringSet(tf.Replaces),

			"restart": tf.DefaultString("no", tf.InPlace,
				tf.Matches(`^(no|on-failure|always|unless-stopped)$`, "no, on-failure, always or unless-stopped")),
			"max_retry_count": tf.OptionalInt(tf.InPlace),
			"memory":          tf.OptionalInt(tf.InPlace, tf.AtLeast(0)),
			"memory_swap":     tf.OptionalInt(tf.InPlace, tf.AtLeast(-1)),
			"shm_size":        tf.TakenInt(tf.Replaces, tf.AtLeast(0)),
			"cpu_shares":      tf.OptionalInt(tf.InPlace, tf.AtLeast(0)),
			"cpu_period":      tf.OptionalInt(tf.InPlace, tf.AtLeast(0)),
			"cpu_quota":       tf.OptionalInt(tf.InPlace, tf.AtLeast(0)),

			"must_run":              tf.DefaultBool(true, tf.InPlace),
			"start":                 tf.DefaultBool(true, tf.InPlace),
			"wait":                  tf.DefaultBool(false, tf.InPlace),
			"wait_timeout":          tf.DefaultInt(60),
			"destroy_grace_seconds": tf.OptionalInt(tf.InPlace),
			"stop_signal":           tf.TakenString(tf.Replaces),
			"stop_timeout":          tf.TakenInt(tf.Replaces),
			"init":                  tf.TakenBool(tf.InPlace),

			"read_only":     tf.DefaultBool(false, tf.Replaces),
			"tmpfs":         tf.StringMap(tf.InPlace),
			"security_opts": tf.TakenStringSet(),
			"log_driver":    tf.TakenString(tf.Replaces),
			"log_opts":      tf.StringMap(tf.Replaces),
			"gpus":          tf.OptionalString(tf.Replaces, tf.Matches(`^all$`, "all")),
			"pid_mode":      tf.OptionalString(tf.Replaces),
			"network_mode":  tf.DefaultString("bridge", tf.Replaces),

			"bridge":    tf.ComputedString(),
			"exit_code": tf.ComputedInt(),
			"network_data": schema.ListAttribute{Computed: true, ElementType: networkDataType,
				PlanModifiers: []planmodifier.List{listplanmodifier.UseStateForUnknown()}},
		},
		Blocks: containerBlocks(),
	}
}

func containerBlocks() map[string]schema.Block {
	text, flag := tf.OptionalString(tf.InPlace), tf.OptionalBool(tf.InPlace)
	required := tf.RequiredString(tf.InPlace)
	strings := tf.OptionalStringSet(tf.InPlace)
	duration := tf.OptionalString(tf.InPlace, tf.Duration())
	return map[string]schema.Block{
		"labels":            labelsBlock(),
		"networks_advanced": tf.SetBlock(map[string]schema.Attribute{"name": required, "aliases": strings}),
		"ports": schema.ListNestedBlock{
			PlanModifiers: []planmodifier.List{listplanmodifier.RequiresReplace()},
			NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
				"internal": tf.RequiredInt(tf.InPlace),
				"external": tf.TakenInt(tf.InPlace),
				"ip":       tf.DefaultString("0.0.0.0", tf.InPlace),
				"protocol": tf.DefaultString("tcp", tf.InPlace),
			}},
		},
		"volumes": tf.SetBlock(map[string]schema.Attribute{
			"volume_name": text, "container_path": text, "read_only": flag,
			"host_path": tf.OptionalString(tf.InPlace, tf.Matches(`^/`, "an absolute path")),
		}),
		"upload": tf.SetBlock(map[string]schema.Attribute{
			"file": required, "content": text, "content_base64": text, "permissions": text, "executable": flag,
		}, uploadsCheck{}),
		"healthcheck": schema.ListNestedBlock{
			Validators: []validator.List{tf.OneList()},
			NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
				"test":     schema.ListAttribute{Required: true, ElementType: types.StringType},
				"interval": duration, "timeout": duration, "start_period": duration,
				"retries": tf.OptionalInt(tf.InPlace, tf.AtLeast(0)),
			}},
		},
		"capabilities": tf.SetBlock(map[string]schema.Attribute{"add": strings, "drop": strings}, tf.OneSet()),
		"devices": tf.SetBlock(map[string]schema.Attribute{
			"host_path": required, "container_path": text, "permissions": text}),
		"host":   tf.SetBlock(map[string]schema.Attribute{"host": required, "ip": required}),
		"ulimit": tf.SetBlock(map[string]schema.Attribute{"name": required, "soft": tf.RequiredInt(tf.InPlace), "hard": tf.RequiredInt(tf.InPlace)}),
	}
}

var networkDataType = types.ObjectType{AttrTypes: map[string]attr.Type{
	"network_name":              types.StringType,
	"ip_address":                types.StringType,
	"ip_prefix_length":          types.Int64Type,
	"gateway":                   types.StringType,
	"global_ipv6_address":       types.StringType,
	"global_ipv6_prefix_length": types.Int64Type,
	"ipv6_gateway":              types.StringType,
	"mac_address":               types.StringType,
}}
