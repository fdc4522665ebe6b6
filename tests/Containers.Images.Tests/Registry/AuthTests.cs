using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Xunit;

namespace Containers.Tests.Images.Registry;

/// <summary>Registries that want to know who asks.</summary>
public sealed class AuthTests : IClassFixture<SampleImage>, IDisposable
{
    private readonly TestDirectory _directory = new();
    private readonly SampleImage _sample;
    private readonly Dictionary<string, string?> _variables = [];

    public AuthTests(SampleImage sample)
    {
        Requires.Owners(); // before there is something to be taken back
        _sample = sample;
        foreach (string name in (string[])["REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "DOCKER_CONFIG", "PATH"])
        {
            _variables[name] = Environment.GetEnvironmentVariable(name);
        }

        Environment.SetEnvironmentVariable("REGISTRY_AUTH_FILE", null);
        Environment.SetEnvironmentVariable("XDG_RUNTIME_DIR", _directory["run"]);
        Environment.SetEnvironmentVariable("XDG_CONFIG_HOME", _directory["config"]);
        Environment.SetEnvironmentVariable("DOCKER_CONFIG", _directory["docker"]);
    }

    public void Dispose()
    {
        foreach ((string name, string? value) in _variables)
        {
            Environment.SetEnvironmentVariable(name, value);
        }

        _directory.Dispose();
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private ImageStore Store(RegistryOptions? options = null) => new(_directory[$"store-{Guid.NewGuid():N}"]) { Registries = options ?? RegistryOptions.Default };

    /// <summary>A registry with passwords, and the image in it.</summary>
    private RegistryServer WithPasswords()
    {
        Requires.Tools("htpasswd");
        Tool.Run("htpasswd", "-Bbc", _directory["htpasswd"], "user", "s3:cret");
        RegistryServer registry = new(auth: $"auth:\n  htpasswd:\n    realm: test\n    path: {_directory["htpasswd"]}");
        registry.Push($"oci:{_sample.Layout}:1", "app:1", "--dest-creds", "user:s3:cret");
        return registry;
    }

    private static string Auth(string user = "user:s3:cret") => Convert.ToBase64String(Encoding.UTF8.GetBytes(user));

    private static string Auths(params (string Key, string Auth)[] entries)
        => new JsonObject { ["auths"] = new JsonObject([.. entries.Select(entry => KeyValuePair.Create(entry.Key, (JsonNode?)new JsonObject { ["auth"] = entry.Auth }))]) }.ToJsonString();

    private void Write(string path, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_directory[path])!);
        File.WriteAllText(_directory[path], content);
    }

    [Fact]
    public async Task Password_is_given_by_options()
    {
        using RegistryServer registry = WithPasswords();
        RegistryOptions options = new() { Credentials = new Dictionary<string, RegistryCredentials> { [registry.Name] = new("user", "s3:cret") } };
        Assert.Equal(_sample.Expected.Id, (await Store(options).PullAsync($"{registry.Name}/app:1", cancellationToken: Cancellation)).Id);
        Assert.DoesNotContain("s3:cret", options.Credentials[registry.Name].ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("run/containers/auth.json", null)]
    [InlineData("config/containers/auth.json", null)]
    [InlineData("docker/config.json", null)]
    [InlineData("elsewhere.json", "REGISTRY_AUTH_FILE")]
    public async Task Password_is_found_where_docker_and_podman_keep_it(string file, string? variable)
    {
        using RegistryServer registry = WithPasswords();
        Write(file, Auths((registry.Name, Auth())));
        if (variable is not null)
        {
            Environment.SetEnvironmentVariable(variable, _directory[file]);
        }

        Assert.Equal(_sample.Expected.Id, (await Store().PullAsync($"{registry.Name}/app:1", cancellationToken: Cancellation)).Id);
    }

    [Fact]
    public async Task File_that_skopeo_writes_is_read()
    {
        using RegistryServer registry = WithPasswords();
        Tool.Run("skopeo", "login", "--tls-verify=false", "--authfile", _directory["auth.json"], "-u", "user", "-p", "s3:cret", registry.Name);
        Assert.Equal(_sample.Expected.Id, (await Store(new RegistryOptions { AuthFile = _directory["auth.json"] }).PullAsync($"{registry.Name}/app:1", cancellationToken: Cancellation)).Id);
    }

    [Theory]
    [InlineData("{0}/app", "{0}")] // a repository's goes before its registry's
    [InlineData("https://{0}/v1/", "other.example.org")]
    public async Task Most_specific_entry_counts(string right, string wrong)
    {
        using RegistryServer registry = WithPasswords();
        Write("docker/config.json", Auths((string.Format(null, wrong, registry.Name), Auth("user:wrong")), (string.Format(null, right, registry.Name), Auth())));
        Assert.Equal(_sample.Expected.Id, (await Store().PullAsync($"{registry.Name}/app:1", cancellationToken: Cancellation)).Id);
    }

    [Theory]
    [InlineData("{{\"credHelpers\":{{\"{0}\":\"test\"}}}}")]
    [InlineData("{{\"credsStore\":\"test\"}}")]
    public async Task Credential_helper_is_asked(string config)
    {
        using RegistryServer registry = WithPasswords();
        Helper($$"""
            [ "$1" = get ] && read -r server
            [ "$server" = "{{registry.Name}}" ] || { echo "credentials not found in native keychain"; exit 1; }
            echo '{"ServerURL":"'$server'","Username":"user","Secret":"s3:cret"}'
            """);
        Write("docker/config.json", string.Format(null, config, registry.Name));
        Assert.Equal(_sample.Expected.Id, (await Store().PullAsync($"{registry.Name}/app:1", cancellationToken: Cancellation)).Id);
    }

    [Theory]
    [InlineData("echo no keychain here >&2; exit 3", "ended with 3: no keychain here")]
    [InlineData("echo nonsense", "printed what is no JSON")]
    [InlineData("echo {}", "printed no Username and Secret")]
    [InlineData("echo credentials not found in native keychain; exit 1", "No credentials for")]
    public async Task Credential_helper_that_fails_is_told(string script, string message)
    {
        using RegistryServer registry = WithPasswords();
        Helper(script);
        Write("docker/config.json", "{\"credsStore\":\"test\"}");
        RegistryException exception = await Assert.ThrowsAsync<RegistryException>(() => Store().PullAsync($"{registry.Name}/app:1", cancellationToken: Cancellation));
        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refusals_are_told()
    {
        using RegistryServer registry = WithPasswords();
        RegistryException nobody = await Assert.ThrowsAsync<RegistryException>(() => Store().PullAsync($"{registry.Name}/app:1", cancellationToken: Cancellation));
        Assert.Equal(HttpStatusCode.Unauthorized, nobody.StatusCode);
        Assert.Contains($"No credentials for {registry.Name} were found", nobody.Message, StringComparison.Ordinal);
        RegistryOptions wrong = new() { Credentials = new Dictionary<string, RegistryCredentials> { [registry.Name] = new("user", "wrong") } };
        RegistryException other = await Assert.ThrowsAsync<RegistryException>(() => Store(wrong).PullAsync($"{registry.Name}/app:1", cancellationToken: Cancellation));
        Assert.Contains("The credentials are wrong", other.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("wrong\"", other.Message, StringComparison.Ordinal);

        Write("docker/config.json", "{");
        Assert.Contains("not the JSON", (await Assert.ThrowsAsync<RegistryException>(() => Store().PullAsync($"{registry.Name}/app:1", cancellationToken: Cancellation))).Message, StringComparison.Ordinal);
        Write("docker/config.json", Auths((registry.Name, "%%%")));
        Assert.Contains("no user and password in base64", (await Assert.ThrowsAsync<RegistryException>(() => Store().PullAsync($"{registry.Name}/app:1", cancellationToken: Cancellation))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Credentials_are_not_sent_on_to_another_host()
    {
        using RegistryServer registry = WithPasswords();
        using TestProxy elsewhere = new(target: null) { Answer = head => TestProxy.Reply("200 OK", "", Blob(head)) };
        using TestProxy proxy = new(registry.Port) { Answer = head => head.Contains("Authorization: Basic", StringComparison.Ordinal) && head.StartsWith("GET /v2/app/blobs/", StringComparison.Ordinal)
            ? TestProxy.Reply("307 Temporary Redirect", $"Location: http://127.0.0.1:{elsewhere.Port}{head.Split(' ')[1]}?signed=yes\r\n") : null };
        RegistryOptions options = new() { Credentials = new Dictionary<string, RegistryCredentials> { [proxy.Name] = new("user", "s3:cret") } };

        Assert.Equal(_sample.Expected.Id, (await Store(options).PullAsync($"{proxy.Name}/app:1", cancellationToken: Cancellation)).Id);

        Assert.Equal(5, elsewhere.Heads.Count(head => head.StartsWith("GET /v2/app/blobs/", StringComparison.Ordinal)));
        Assert.DoesNotContain(elsewhere.Heads, head => head.Contains("Authorization", StringComparison.OrdinalIgnoreCase));

        byte[] Blob(string head) => File.ReadAllBytes($"{_sample.Layout}/blobs/sha256/{head.Split("sha256:")[1][..64]}");
    }

    [Theory]
    [InlineData(300, true)]
    [InlineData(1, true)]
    [InlineData(300, false)]
    public async Task Token_is_fetched_for_its_scope_and_again_when_it_has_run_out(int seconds, bool withPassword)
    {
        using TokenServer tokens = new(_directory["ca.pem"]) { Lifetime = seconds };
        using RegistryServer registry = new(auth: $"auth:\n  token:\n    realm: http://localhost:{tokens.Port}/token?a=b\n    service: the registry\n    issuer: the issuer\n    rootcertbundle: {_directory["ca.pem"]}");
        registry.Push($"oci:{_sample.Layout}:1", "team/app:1", "--dest-creds", "user:s3:cret");
        RegistryOptions options = new() { Credentials = withPassword ? new Dictionary<string, RegistryCredentials> { [registry.Name] = new("user", "s3:cret") } : [] };
        tokens.Asked.Clear();

        Assert.Equal(_sample.Expected.Id, (await Store(options).PullAsync($"{registry.Name}/team/app:1", cancellationToken: Cancellation)).Id);

        Assert.All(tokens.Asked, asked => Assert.Equal(("repository:team/app:pull", "the registry", withPassword ? "user" : null), asked));
        if (seconds > 1)
        {
            Assert.Single(tokens.Asked);
        }
    }

    [Fact]
    public async Task Identity_token_buys_tokens()
    {
        using TokenServer tokens = new(_directory["ca.pem"]);
        using RegistryServer registry = new(auth: $"auth:\n  token:\n    realm: http://localhost:{tokens.Port}/token\n    service: the registry\n    issuer: the issuer\n    rootcertbundle: {_directory["ca.pem"]}");
        registry.Push($"oci:{_sample.Layout}:1", "team/app:1", "--dest-creds", "user:s3:cret");
        Write("docker/config.json", Auths((registry.Name, "")).Replace("\"auth\"", $"\"identitytoken\":\"{TokenServer.IdentityToken}\",\"auth\"", StringComparison.Ordinal));
        Assert.Equal(_sample.Expected.Id, (await Store().PullAsync($"{registry.Name}/team/app:1", cancellationToken: Cancellation)).Id);
        Assert.Contains(tokens.Asked, asked => asked.User == "by identity token");
    }

    [Theory]
    [InlineData("nowhere", "which is no address")]
    [InlineData("http://203.0.113.1/token", "in the clear")]
    public async Task Token_server_that_is_not_to_be_trusted_is_refused(string realm, string message)
    {
        using TestProxy proxy = new(target: null) { Answer = _ => TestProxy.Reply("401 Unauthorized", $"WWW-Authenticate: Bearer realm=\"{realm}\",service=\"s\"\r\n") };
        RegistryOptions options = new() { Credentials = new Dictionary<string, RegistryCredentials> { [proxy.Name] = new("user", "s3:cret") } };
        Assert.Contains(message, (await Assert.ThrowsAsync<RegistryException>(() => Store(options).PullAsync($"{proxy.Name}/app:1", cancellationToken: Cancellation))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Challenges_are_read()
    {
        IReadOnlyList<Containers.Images.Registry.AuthChallenge> read = Containers.Images.Registry.AuthChallenge.Parse(
            "Bearer realm=\"https://auth.example.org/token\",service=\"a, \\\"b\\\"\" , scope=\"repository:x:pull,push\", error=insufficient_scope,Basic realm=x, Negotiate");
        Assert.Equal(["bearer", "basic", "negotiate"], read.Select(one => one.Scheme));
        Assert.Equal(("https://auth.example.org/token", "a, \"b\"", "repository:x:pull,push", "insufficient_scope"), (read[0].Realm, read[0].Service, read[0].Scope, read[0].Error));
        Assert.Equal("x", read[1].Realm);
        CsCheck.Check.Sample(CsCheck.Gen.String, text => _ = Containers.Images.Registry.AuthChallenge.Parse(text), iter: 2000);
        Assert.Empty(Containers.Images.Registry.AuthChallenge.Parse("Bearer realm=\"open")[0].Parameters);
    }

    private void Helper(string script)
    {
        Write("bin/docker-credential-test", $"#!/bin/sh\n{script}\n");
        Tool.Run("chmod", "+x", _directory["bin/docker-credential-test"]);
        Environment.SetEnvironmentVariable("PATH", $"{_directory["bin"]}:{_variables["PATH"]}");
    }

    /// <summary>A token server as docker's has to be: tokens that the registry verifies by a certificate.</summary>
    private sealed class TokenServer : IDisposable
    {
        public const string IdentityToken = "an-identity";

        private readonly HttpListener _listener = new();
        private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        private readonly X509Certificate2 _certificate;
        private readonly Task _serving;

        public TokenServer(string bundle)
        {
            CertificateRequest request = new("CN=tokens", _key, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            _certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
            File.WriteAllText(bundle, _certificate.ExportCertificatePem());
            Port = RegistryServer.FreePort();
            _listener.Prefixes.Add($"http://localhost:{Port}/");
            _listener.Start();
            _serving = ServeAsync();
        }

        public int Port { get; }

        public int Lifetime { get; init; } = 300;

        public List<(string? Scope, string? Service, string? User)> Asked { get; } = [];

        public void Dispose()
        {
            _listener.Close();
            _serving.Wait();
            _key.Dispose();
            _certificate.Dispose();
        }

        private async Task ServeAsync()
        {
            try
            {
                while (true)
                {
                    HttpListenerContext context = await _listener.GetContextAsync();
                    Answer(context);
                    context.Response.Close();
                }
            }
            catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException)
            {
            }
        }

        private void Answer(HttpListenerContext context)
        {
            System.Collections.Specialized.NameValueCollection query = context.Request.QueryString;
            string? user = null;
            if (context.Request.HttpMethod == "POST")
            {
                using StreamReader reader = new(context.Request.InputStream);
                query = System.Web.HttpUtility.ParseQueryString(reader.ReadToEnd());
                user = query["refresh_token"] == IdentityToken && query["grant_type"] == "refresh_token" ? "by identity token" : null;
            }
            else if (context.Request.Headers["Authorization"] is ['B', 'a', 's', 'i', 'c', ' ', .. string basic])
            {
                user = Encoding.UTF8.GetString(Convert.FromBase64String(basic)) == "user:s3:cret" ? "user" : null;
                if (user is null)
                {
                    context.Response.StatusCode = 401;
                    return;
                }
            }

            string[] scopes = (query["scope"] ?? "").Split([',', ' '], StringSplitOptions.RemoveEmptyEntries);
            Asked.Add((query["scope"], query["service"], user));
            JsonArray access = [.. (query.GetValues("scope") ?? []).SelectMany(scope => scope.Split(' ')).Select(scope => scope.Split(':')).Where(parts => parts.Length == 3).Select(parts
                => (JsonNode)new JsonObject { ["type"] = parts[0], ["name"] = parts[1], ["actions"] = new JsonArray([.. parts[2].Split(',').Where(action => user is not null || action == "pull").Select(action => (JsonNode)action)]) })];
            long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
            string head = Encode(new JsonObject { ["typ"] = "JWT", ["alg"] = "ES256", ["x5c"] = new JsonArray(Convert.ToBase64String(_certificate.RawData)) });
            string claims = Encode(new JsonObject { ["iss"] = "the issuer", ["sub"] = user ?? "", ["aud"] = "the registry", ["exp"] = now + Lifetime, ["nbf"] = now - 5, ["iat"] = now, ["jti"] = Guid.NewGuid().ToString(), ["access"] = access });
            string signature = Base64(_key.SignData(Encoding.ASCII.GetBytes($"{head}.{claims}"), HashAlgorithmName.SHA256));
            byte[] body = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object> { [user == "by identity token" ? "access_token" : "token"] = $"{head}.{claims}.{signature}", ["expires_in"] = Lifetime });
            context.Response.ContentType = "application/json";
            context.Response.OutputStream.Write(body);
        }

        private static string Encode(JsonObject json) => Base64(Encoding.UTF8.GetBytes(json.ToJsonString()));

        private static string Base64(byte[] bytes) => Convert.ToBase64String(bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_');
    }
}
