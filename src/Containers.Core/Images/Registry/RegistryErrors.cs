using System.Globalization;
using System.Net;
using System.Text.Json;

namespace Containers.Images.Registry;

/// <summary>Makes errors of answers.</summary>
internal static class RegistryErrors
{
    private const int MaximumBody = 64 << 10;

    /// <summary>Reads why an answer is a refusal. The answer is disposed.</summary>
    /// <param name="response">The answer.</param>
    /// <param name="registry">Who gave it.</param>
    /// <param name="what">What was asked for: "the manifest app:1".</param>
    /// <param name="knownUser">Whether credentials were sent.</param>
    /// <param name="cancellation">Ends reading.</param>
    public static async Task<RegistryException> ReadAsync(HttpResponseMessage response, string registry, string what, bool knownUser, CancellationToken cancellation)
    {
        using HttpResponseMessage answer = response;
        ErrorDocument? error = null;
        try
        {
            byte[] body = await BoundedContent.ReadAsync(answer, MaximumBody, cancellation).ConfigureAwait(false);
            error = body.Length == 0 ? null : JsonSerializer.Deserialize(body, RegistryJson.Default.ErrorsDocument)?.Errors is [{ } first, ..] ? first : null;
        }
        catch (Exception exception) when (exception is JsonException or IOException or HttpRequestException or InvalidDataException)
        {
            // The status says it, too.
        }

        int status = (int)answer.StatusCode;
        string said = error is null ? "" : $": {Shorten($"{error.Code} {error.Message}".Trim())}";
        TimeSpan? retryAfter = RetryAfter(answer);
        (string text, string? hint) = answer.StatusCode switch
        {
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => ($"does not allow it ({status}{said})", knownUser
                ? "The credentials are wrong, or not enough for this repository; some registries say so of repositories that do not exist."
                : $"No credentials for {registry} were found: docker login or podman login stores them, and {nameof(RegistryOptions)}.{nameof(RegistryOptions.Credentials)} gives them."),
            HttpStatusCode.NotFound => ($"does not have it ({status}{said})", null),
            HttpStatusCode.TooManyRequests => ($"was asked too often ({status}{said}){Limit(answer)}", (string?)$"{(retryAfter is { } wait ? $"It wants to be asked again after {wait.TotalSeconds:0} s. " : "")}Who logs in, or asks a mirror, is often allowed more."),
            _ => ($"answers {status} {answer.ReasonPhrase}{said}", null),
        };
        return new RegistryException($"{registry}: asked for {what}, the registry {text}.", hint) { Registry = registry, StatusCode = answer.StatusCode, Code = error?.Code, RetryAfter = retryAfter };
    }

    /// <summary>An error for no answer at all.</summary>
    public static RegistryException Unreachable(string registry, string what, Exception exception)
    {
        string reason = exception switch
        {
            TimeoutException => exception.Message,
            HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } => "the host's name is not known",
            { InnerException: { } inner } when exception is HttpRequestException => $"{exception.Message} ({inner.Message})",
            _ => exception.Message,
        };
        return new RegistryException($"{registry}: asked for {what}, the registry could not be reached: {reason.TrimEnd('.')}.", innerException: exception) { Registry = registry };
    }

    /// <summary>How long the registry wants to be left alone; null when it does not say.</summary>
    public static TimeSpan? RetryAfter(HttpResponseMessage response)
    {
        TimeSpan? wait = response.Headers.RetryAfter is not { } header ? null : header.Delta ?? header.Date - DateTimeOffset.UtcNow;
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait;
    }

    /// <summary>A stranger's text, as it fits into a message.</summary>
    public static string Shorten(string text)
    {
        string line = string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));
        return line.Length > 300 ? string.Concat(line.AsSpan(0, 300), "…") : line;
    }

    // Docker Hub's headers: "100;w=21600" is a hundred in six hours.
    private static string Limit(HttpResponseMessage response)
    {
        if (!response.Headers.TryGetValues("ratelimit-limit", out IEnumerable<string>? limits) || limits.FirstOrDefault() is not { } limit)
        {
            return "";
        }

        string[] parts = limit.Split(";w=");
        string span = parts.Length == 2 && int.TryParse(parts[1], CultureInfo.InvariantCulture, out int seconds) ? $" in {TimeSpan.FromSeconds(seconds).TotalHours:0.#} hours" : "";
        string remaining = response.Headers.TryGetValues("ratelimit-remaining", out IEnumerable<string>? left) ? $", {Shorten(left.First()).Split(';')[0]} are left" : "";
        return $"; it allows {Shorten(parts[0])}{span}{remaining}";
    }
}
