using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Authentication;
using Microsoft.Extensions.Logging;
using Polly;
using Polly.Retry;

namespace Containers.Images.Registry;

/// <summary>
/// Requests to registries, for as long as one operation takes: authorized, repeated when that may help, redirected where that is
/// safe. Its connections are closed with it.
/// </summary>
internal sealed partial class RegistrySession : IDisposable
{
    private const int MaximumRedirects = 10;

    /// <summary>How long an answer's headers may take: a registry with a slow disk behind it takes some seconds.</summary>
    private static readonly TimeSpan s_headerTimeout = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan s_probeTimeout = TimeSpan.FromSeconds(10);

    private static readonly ProductInfoHeaderValue s_agent = new("dotnet-containers", typeof(RegistrySession).Assembly.GetName().Version?.ToString(3));

    private readonly ConcurrentDictionary<string, RegistryHost> _hosts = new(StringComparer.OrdinalIgnoreCase);
    private readonly ResiliencePipeline<HttpResponseMessage> _retries;
    private readonly TokenCache _tokens;

    public RegistrySession(RegistryOptions options, ILogger logger, TimeProvider? time = null)
    {
        Options = options;
        Logger = logger;
        Time = time ?? TimeProvider.System;
        _tokens = new TokenCache(this, new CredentialStore(options));
        _retries = options.MaximumRetries <= 0 ? ResiliencePipeline<HttpResponseMessage>.Empty : new ResiliencePipelineBuilder<HttpResponseMessage> { TimeProvider = Time }
            .AddRetry(new RetryStrategyOptions<HttpResponseMessage>
            {
                MaxRetryAttempts = options.MaximumRetries,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                Delay = TimeSpan.FromMilliseconds(500),
                MaxDelay = TimeSpan.FromSeconds(15),
                ShouldHandle = arguments => new(arguments.Outcome.Exception is { } exception ? MayPass(exception) : MayPass(arguments.Outcome.Result!)),
                DelayGenerator = arguments => new(arguments.Outcome.Result is { } answer ? RegistryErrors.RetryAfter(answer) : null),
                OnRetry = arguments =>
                {
                    LogRetry(Logger, arguments.Outcome.Exception?.Message ?? $"status {(int)arguments.Outcome.Result!.StatusCode}", arguments.AttemptNumber + 1, arguments.RetryDelay);
                    arguments.Outcome.Result?.Dispose();
                    return default;
                },
            })
            .Build();
    }

    public RegistryOptions Options { get; }

    public ILogger Logger { get; }

    public TimeProvider Time { get; }

    public void Dispose()
    {
        foreach (RegistryHost host in _hosts.Values)
        {
            host.Dispose();
        }
    }

    /// <summary>How long to wait after so many failures in a row, of what no request alone can repeat; from 0.</summary>
    public static TimeSpan Backoff(int failures) => TimeSpan.FromMilliseconds(Math.Min(15_000, 250 * Math.Pow(2, failures)) * (0.5 + Random.Shared.NextDouble()));

    /// <summary>A host by HOST[:PORT].</summary>
    public RegistryHost HostOf(string authority) => _hosts.GetOrAdd(authority, name => new RegistryHost(name, Options));

    /// <summary>The host of an address.</summary>
    public RegistryHost HostOf(Uri uri) => HostOf(uri.IsDefaultPort ? uri.Host : uri.Authority);

    /// <summary>Sends a request to a registry and returns its answer's headers; what the answer says is for the caller to see.</summary>
    /// <param name="host">The registry.</param>
    /// <param name="path">A path from its root, or an address that it gave.</param>
    /// <param name="scope">What the request does.</param>
    /// <param name="make">Makes the request for an address; called anew for each try.</param>
    /// <param name="what">What is asked for, for messages.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="RegistryException">There is no answer.</exception>
    public async Task<HttpResponseMessage> SendAsync(RegistryHost host, string path, RegistryScope scope, Func<Uri, HttpRequestMessage> make, string what, CancellationToken cancellation)
    {
        try
        {
            return await _retries.ExecuteAsync(async token =>
            {
                Uri address = await AddressAsync(host, path, token).ConfigureAwait(false);
                return await AuthorizeAsync(host, address, scope, make, token).ConfigureAwait(false);
            }, cancellation).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or TimeoutException)
        {
            throw Explain(host, what, exception);
        }
    }

    /// <summary>Sends a request as <see cref="SendAsync"/> does, and does not repeat it: for what a second try has to begin differently.</summary>
    public async Task<HttpResponseMessage> SendOnceAsync(RegistryHost host, string path, RegistryScope scope, Func<Uri, HttpRequestMessage> make, string what, CancellationToken cancellation)
    {
        try
        {
            return await AuthorizeAsync(host, await AddressAsync(host, path, cancellation).ConfigureAwait(false), scope, make, cancellation).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or TimeoutException)
        {
            throw exception is HttpRequestException { InnerException: ContainerException own } ? own : Explain(host, what, exception); // what our own stream found goes first
        }
    }

    /// <summary>Sends a request that has all that it needs, as to a token server.</summary>
    public async Task<HttpResponseMessage> SendRawAsync(RegistryHost host, Func<HttpRequestMessage> make, string what, CancellationToken cancellation)
    {
        try
        {
            return await _retries.ExecuteAsync(async token => await OnceAsync(host, make(), token).ConfigureAwait(false), cancellation).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or TimeoutException)
        {
            throw Explain(host, what, exception);
        }
    }

    /// <summary>An error for an answer that is a refusal; the answer is disposed.</summary>
    public Task<RegistryException> RefusalAsync(RegistryHost host, RegistryScope scope, HttpResponseMessage response, string what, CancellationToken cancellation)
        => RegistryErrors.ReadAsync(response, host.Authority, what, _tokens.HasCredentials(host, scope.Repository), cancellation);

    public RegistryException Explain(RegistryHost host, string what, Exception exception)
        => host.CertificateFailure is { } failure && IsTls(exception)
            ? new RegistryException($"{host.Authority}: the registry's certificate is not accepted: {failure}.",
                $"An authority of your own goes to {nameof(RegistryOptions)}.{nameof(RegistryOptions.CertificateAuthorities)} or certs.d/{host.Authority}/ca.crt.", exception) { Registry = host.Authority }
            : RegistryErrors.Unreachable(host.Authority, what, exception);

    private async Task<HttpResponseMessage> AuthorizeAsync(RegistryHost host, Uri address, RegistryScope scope, Func<Uri, HttpRequestMessage> make, CancellationToken cancellation)
    {
        AuthenticationHeaderValue? header = _tokens.TryGet(host, scope);
        HttpResponseMessage response = await FollowAsync(host, address, header, make, cancellation).ConfigureAwait(false);
        if (response.StatusCode != HttpStatusCode.Unauthorized)
        {
            return response;
        }

        // A token may have run out, or been for less: once more with what the registry asks for now.
        if (await _tokens.AnswerAsync(host, scope, response, cancellation).ConfigureAwait(false) is not { } wanted)
        {
            return response;
        }

        response.Dispose();
        return await FollowAsync(host, address, wanted, make, cancellation).ConfigureAwait(false);
    }

    private async Task<HttpResponseMessage> FollowAsync(RegistryHost registry, Uri address, AuthenticationHeaderValue? header, Func<Uri, HttpRequestMessage> make, CancellationToken cancellation)
    {
        RegistryHost host = IsAt(registry, address) ? registry : HostOf(address); // an upload's place may be elsewhere from the start
        for (int redirects = 0; ; redirects++)
        {
            HttpRequestMessage request = make(address);
            // Whom a registry sends us to is not to learn who we are: blobs often lie with someone else.
            request.Headers.Authorization = IsAt(registry, address) ? header : null;
            HttpResponseMessage response = await OnceAsync(host, request, cancellation).ConfigureAwait(false);
            bool isRedirect = response.StatusCode is HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.RedirectKeepVerb or HttpStatusCode.PermanentRedirect or HttpStatusCode.RedirectMethod;
            if (!isRedirect || response.Headers.Location is not { } location)
            {
                return response;
            }

            response.Dispose();
            Uri next = new(address, location);
            host = next.Scheme is "https" or "http" && redirects < MaximumRedirects ? HostOf(next) : throw Refused(next.Scheme is "https" or "http" ? "sends on without end" : $"sends on to {next.Scheme}:");
            if (next.Scheme == "http" && address.Scheme == "https" && !host.MayBePlain)
            {
                throw Refused($"sends on from https to http, to {next.Authority}");
            }

            address = next;
        }

        static bool IsAt(RegistryHost registry, Uri address)
            => new Uri($"{address.Scheme}://{registry.Address}").Authority.Equals(address.Authority, StringComparison.OrdinalIgnoreCase) && address.Scheme == (registry.Scheme ?? "https");

        RegistryException Refused(string what) => new($"{registry.Authority}: the registry {what}, which is not followed.") { Registry = registry.Authority };
    }

    private static Task<HttpResponseMessage> OnceAsync(RegistryHost host, HttpRequestMessage message, CancellationToken cancellation) => OnceAsync(host, message, s_headerTimeout, cancellation);

    private static async Task<HttpResponseMessage> OnceAsync(RegistryHost host, HttpRequestMessage message, TimeSpan patience, CancellationToken cancellation)
    {
        using HttpRequestMessage request = message;
        request.Headers.UserAgent.Add(s_agent);
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        if (request.Content is null)
        {
            limit.CancelAfter(patience); // an upload takes what it takes: its stream watches over it
        }

        try
        {
            return await host.Http.SendAsync(request, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new TimeoutException($"there was no answer within {patience.TotalSeconds} s");
        }
    }

    /// <summary>The address of a path; finds out how the host is spoken with, where that is open.</summary>
    private static async Task<Uri> AddressAsync(RegistryHost host, string path, CancellationToken cancellation)
    {
        if (Uri.TryCreate(path, UriKind.Absolute, out Uri? absolute) && absolute.Scheme is "https" or "http")
        {
            return absolute;
        }

        if (host.Scheme is null && host.MayBePlain)
        {
            try
            {
                using HttpResponseMessage answer = await OnceAsync(host, new HttpRequestMessage(HttpMethod.Get, new Uri($"https://{host.Address}/v2/")), s_probeTimeout, cancellation).ConfigureAwait(false);
                host.Scheme = "https";
            }
            catch (TimeoutException)
            {
                host.Scheme = "http"; // it waits for more of what it does not understand
            }
            catch (HttpRequestException exception) when (IsTls(exception) && host.CertificateFailure is null)
            {
                host.Scheme = "http"; // it speaks, but no TLS
            }
            catch (HttpRequestException exception) when (!host.Address.AsSpan(host.Address.LastIndexOf(']') + 1).Contains(':') && exception.HttpRequestError == HttpRequestError.ConnectionError)
            {
                host.Scheme = "http"; // nobody at 443: it may be at 80
            }
        }

        return new Uri($"{host.Scheme ?? "https"}://{host.Address}{path}");
    }

    // No TLS at the other end, or a certificate that is not accepted; a connection that is lost meanwhile is an IOException.
    private static bool IsTls(Exception exception) => exception.InnerException is AuthenticationException;

    private static bool MayPass(Exception exception) => exception switch
    {
        TimeoutException or IOException => true,
        HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } => false,
        HttpRequestException http when IsTls(http) => false,
        HttpRequestException => true,
        _ => false,
    };

    private bool MayPass(HttpResponseMessage response)
        => response.StatusCode is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or HttpStatusCode.InternalServerError or HttpStatusCode.BadGateway
            or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout
           && (RegistryErrors.RetryAfter(response) is not { } wait || wait <= Options.MaximumRetryDelay);

    [LoggerMessage(20, LogLevel.Warning, "A registry's request failed ({Reason}); try {Attempt} follows in {Delay}.")]
    private static partial void LogRetry(ILogger logger, string reason, int attempt, TimeSpan delay);
}
