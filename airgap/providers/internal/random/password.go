package random

import (
	"context"
	"crypto/rand"
	"math/big"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"golang.org/x/crypto/bcrypt"

	"airgap.local/cdktf-mlops/providers/internal/tf"
)

const (
	letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	special = "!@#$%&*()-_=+[]{}<>:?"
	// bcryptMost is how many bytes bcrypt looks at.
	bcryptMost = 72
)

type passwordResource struct{}

type passwordModel struct {
	ID         types.String            `tfsdk:"id"`
	Length     types.Int64             `tfsdk:"length"`
	Special    types.Bool              `tfsdk:"special"`
	Keepers    map[string]types.String `tfsdk:"keepers"`
	Result     types.String            `tfsdk:"result"`
	BcryptHash types.String            `tfsdk:"bcrypt_hash"`
}

func (r *passwordResource) Metadata(_ context.Context, _ resource.MetadataRequest, p *resource.MetadataResponse) {
	p.TypeName = "random_password"
}

func (r *passwordResource) Schema(_ context.Context, _ resource.SchemaRequest, p *resource.SchemaResponse) {
	secret := tf.ComputedString()
	secret.Sensitive = true
	p.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"id":          tf.ID(),
		"length":      tf.RequiredInt(tf.Replaces, tf.AtLeast(1)),
		"special":     tf.DefaultBool(true, tf.Replaces),
		"keepers":     tf.StringMap(tf.Replaces),
		"result":      secret,
		"bcrypt_hash": secret,
	}}
}

func (r *passwordResource) Create(ctx context.Context, q resource.CreateRequest, p *resource.CreateResponse) {
	var m passwordModel
	if p.Diagnostics.Append(q.Plan.Get(ctx, &m)...); p.Diagnostics.HasError() {
		return
	}
	password, err := generate(int(m.Length.ValueInt64()), m.Special.ValueBool())
	if err != nil {
		p.Diagnostics.AddError("Unable to read random bytes: "+err.Error(), "")
		return
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password[:min(len(password), bcryptMost)]), bcrypt.DefaultCost)
	if err != nil {
		p.Diagnostics.AddError("Unable to hash the password", "")
		return
	}
	m.ID, m.Result, m.BcryptHash = types.StringValue("none"), types.StringValue(password), types.StringValue(string(hash))
	p.Diagnostics.Append(p.State.Set(ctx, &m)...)
}

func generate(length int, withSpecial bool) (string, error) {
	alphabet := letters
	if withSpecial {
		alphabet += special
	}
	password := make([]byte, length)
	for i := range password {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet))))
		if err != nil {
			return "", err
		}
		password[i] = alphabet[n.Int64()]
	}
	return string(password), nil
}

// Read keeps what the state holds: there is nothing outside it.
func (r *passwordResource) Read(context.Context, resource.ReadRequest, *resource.ReadResponse) {}

// Update is never called: everything replaces.
func (r *passwordResource) Update(context.Context, resource.UpdateRequest, *resource.UpdateResponse) {
}

// Delete has nothing to remove.
func (r *passwordResource) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {
}
