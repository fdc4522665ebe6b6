using System.Text.Json;
using System.Text.Json.Serialization;

namespace Containers.Images.Registry;

/// <summary>What a registry says when it refuses (distribution spec, "Error Codes").</summary>
internal sealed record ErrorsDocument([property: JsonPropertyName("errors")] IReadOnlyList<ErrorDocument?>? Errors);

internal sealed record ErrorDocument(
    [property: JsonPropertyName("code")] string? Code,
    [property: JsonPropertyName("message")] string? Message);

/// <summary>What a token server gives (docker's token authentication, and OAuth 2).</summary>
internal sealed record TokenDocument(
    [property: JsonPropertyName("token")] string? Token,
    [property: JsonPropertyName("access_token")] string? AccessToken,
    [property: JsonPropertyName("expires_in")] double? ExpiresIn,
    [property: JsonPropertyName("details")] string? Details);

internal sealed record TagsDocument(
    [property: JsonPropertyName("name")] string? Name,
    [property: JsonPropertyName("tags")] IReadOnlyList<string>? Tags);

/// <summary>docker's config.json and podman's auth.json.</summary>
internal sealed record AuthFileDocument(
    [property: JsonPropertyName("auths")] Dictionary<string, AuthDocument?>? Auths,
    [property: JsonPropertyName("credHelpers")] Dictionary<string, string>? CredentialHelpers,
    [property: JsonPropertyName("credsStore")] string? CredentialsStore);

internal sealed record AuthDocument(
    [property: JsonPropertyName("auth")] string? Auth,
    [property: JsonPropertyName("identitytoken")] string? IdentityToken,
    [property: JsonPropertyName("username")] string? UserName,
    [property: JsonPropertyName("password")] string? Password);

/// <summary>What a credential helper prints.</summary>
internal sealed record HelperDocument(string? Username, string? Secret);

[JsonSerializable(typeof(ErrorsDocument))]
[JsonSerializable(typeof(TokenDocument))]
[JsonSerializable(typeof(TagsDocument))]
[JsonSerializable(typeof(AuthFileDocument))]
[JsonSerializable(typeof(HelperDocument))]
internal sealed partial class RegistryJson : JsonSerializerContext;
