using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Containers.Images.Registry;

/// <summary>What requests are authorized by: nothing, a password, or tokens that a server beside the registry gives for a scope and a time.</summary>
internal sealed class TokenCache(RegistrySession session, CredentialStore credentials)
{
    /// <summary>What a token lives that says nothing (docker's token authentication, "Token Response Fields").</summary>
    private static readonly TimeSpan s_shortest = TimeSpan.FromSeconds(60);

    private const int MaximumToken = 1 << 20;

    private readonly ConcurrentDictionary<string, AuthChallenge> _known = new();
    private readonly ConcurrentDictionary<(string Host, string Scope), (string Token, DateTimeOffset Until)> _tokens = new();
    private readonly ConcurrentDictionary<(string Host, string Repository), RegistryCredentials?> _credentials = new();

    /// <summary>Whether there are credentials for a repository, as far as it was asked.</summary>
    public bool HasCredentials(RegistryHost host, string repository) => _credentials.GetValueOrDefault((host.Authority, repository)) is not null;

    /// <summary>The header for a request, when it is known that there has to be one.</summary>
    public AuthenticationHeaderValue? TryGet(RegistryHost host, RegistryScope scope)
    {
        if (!_known.TryGetValue(host.Authority, out AuthChallenge? challenge))
        {
            return null;
        }

        if (challenge.Scheme == "basic")
        {
            return _credentials.GetValueOrDefault((host.Authority, scope.Repository)) is { } user ? Basic(user) : null;
        }

        return _tokens.TryGetValue((host.Authority, scope.Text), out (string Token, DateTimeOffset Until) token) && token.Until > session.Time.GetUtcNow()
            ? new AuthenticationHeaderValue("Bearer", token.Token)
            : null;
    }

    /// <summary>Answers a 401: finds what the registry wants.</summary>
    /// <returns>The header for the next try; null when there is nothing that could be sent.</returns>
    public async Task<AuthenticationHeaderValue?> AnswerAsync(RegistryHost host, RegistryScope scope, HttpResponseMessage refusal, CancellationToken cancellation)
    {
        AuthChallenge[] offered = [.. refusal.Headers.TryGetValues("WWW-Authenticate", out IEnumerable<string>? values) ? values.SelectMany(AuthChallenge.Parse) : []];
        AuthChallenge? challenge = offered.FirstOrDefault(one => one is { Scheme: "bearer", Realm: not null }) ?? offered.FirstOrDefault(one => one.Scheme == "basic");
        if (challenge is null)
        {
            return null;
        }

        if (!_credentials.TryGetValue((host.Authority, scope.Repository), out RegistryCredentials? user))
        {
            user = await credentials.FindAsync(host.Authority, scope.Repository, cancellation).ConfigureAwait(false);
            _credentials[(host.Authority, scope.Repository)] = user;
        }

        _known[host.Authority] = challenge;
        if (challenge.Scheme == "basic")
        {
            return user is null ? null : Basic(user);
        }

        (string token, DateTimeOffset until) = await FetchAsync(host, challenge, scope, user, cancellation).ConfigureAwait(false);
        _tokens[(host.Authority, scope.Text)] = (token, until);
        return new AuthenticationHeaderValue("Bearer", token);
    }

    private async Task<(string Token, DateTimeOffset Until)> FetchAsync(RegistryHost host, AuthChallenge challenge, RegistryScope scope, RegistryCredentials? user, CancellationToken cancellation)
    {
        if (!Uri.TryCreate(challenge.Realm, UriKind.Absolute, out Uri? realm) || realm.Scheme is not ("https" or "http"))
        {
            throw new RegistryException($"{host.Authority}: the registry names the token server \"{RegistryErrors.Shorten(challenge.Realm!)}\", which is no address.") { Registry = host.Authority };
        }

        RegistryHost server = session.HostOf(realm);
        if (realm.Scheme == "http" && !server.MayBePlain)
        {
            throw new RegistryException($"{host.Authority}: the registry names the token server {realm.Authority} by http, and a password would go there in the clear.",
                $"Where that is meant, list {realm.Authority} in {nameof(RegistryOptions)}.{nameof(RegistryOptions.InsecureRegistries)}.") { Registry = host.Authority };
        }

        // The scopes that the registry wants, and those that we know to need: for a mount there are two.
        string[] scopes = [.. (challenge.Scope?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? []).Union(scope.Parts)];
        string what = "a token";
        DateTimeOffset asked = session.Time.GetUtcNow();
        HttpResponseMessage response = await session.SendRawAsync(server, () => Request(realm, challenge, scopes, user), what, cancellation).ConfigureAwait(false);
        if (!response.IsSuccessStatusCode)
        {
            throw await RegistryErrors.ReadAsync(response, host.Authority, $"{what} for {scope} of {realm.Authority}", user is not null, cancellation).ConfigureAwait(false);
        }

        TokenDocument? document;
        try
        {
            using HttpResponseMessage answer = response;
            document = JsonSerializer.Deserialize(await BoundedContent.ReadAsync(answer, MaximumToken, cancellation).ConfigureAwait(false), RegistryJson.Default.TokenDocument);
        }
        catch (Exception exception) when (exception is JsonException or InvalidDataException)
        {
            throw NoToken(exception);
        }

        string? token = document?.Token is { Length: > 0 } one ? one : document?.AccessToken;
        if (string.IsNullOrEmpty(token) || token.Any(c => c is <= ' ' or >= '\x7f'))
        {
            throw NoToken(null);
        }

        double lifetime = document!.ExpiresIn is { } seconds && seconds > 0 ? Math.Min(seconds, 86_400) : s_shortest.TotalSeconds;
        // Some of its time goes by on the way.
        return (token, asked + TimeSpan.FromSeconds(lifetime * 0.9));

        RegistryException NoToken(Exception? inner) => new($"{host.Authority}: the token server {realm.Authority} gives no token.", null, inner) { Registry = host.Authority };
    }

    private static HttpRequestMessage Request(Uri realm, AuthChallenge challenge, string[] scopes, RegistryCredentials? user)
    {
        if (user?.IdentityToken is { } identity)
        {
            // OAuth 2, as docker's token server has it: the identity token is a refresh token.
            Dictionary<string, string> form = new()
            {
                ["grant_type"] = "refresh_token",
                ["refresh_token"] = identity,
                ["service"] = challenge.Service ?? "",
                ["client_id"] = "dotnet-containers",
                ["scope"] = string.Join(' ', scopes),
            };
            return new HttpRequestMessage(HttpMethod.Post, realm) { Content = new FormUrlEncodedContent(form) };
        }

        StringBuilder query = new(realm.Query.TrimStart('?'));
        foreach ((string name, string value) in ((string, string)[])[.. challenge.Service is { } service ? [("service", service)] : Array.Empty<(string, string)>(), .. scopes.Select(scope => ("scope", scope)), .. user is not null ? [("account", user.UserName)] : Array.Empty<(string, string)>()])
        {
            query.Append(CultureInfo.InvariantCulture, $"{(query.Length > 0 ? "&" : "")}{name}={Uri.EscapeDataString(value)}");
        }

        HttpRequestMessage request = new(HttpMethod.Get, new UriBuilder(realm) { Query = query.ToString() }.Uri);
        request.Headers.Authorization = user is null ? null : Basic(user);
        return request;
    }

    private static AuthenticationHeaderValue Basic(RegistryCredentials user)
        => new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user.UserName}:{user.Password}")));
}

/// <summary>What a request wants to do: in the words of docker's token scopes.</summary>
/// <param name="Repository">Where.</param>
/// <param name="Actions">pull; pull,push; delete.</param>
/// <param name="Source">A repository that a blob is mounted from.</param>
internal sealed record RegistryScope(string Repository, string Actions, string? Source = null)
{
    public IReadOnlyList<string> Parts { get; } = Source is null ? [$"repository:{Repository}:{Actions}"] : [$"repository:{Repository}:{Actions}", $"repository:{Source}:pull"];

    public string Text => string.Join(' ', Parts);

    public override string ToString() => Text;
}
