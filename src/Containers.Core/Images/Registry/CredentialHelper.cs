using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;

namespace Containers.Images.Registry;

/// <summary>Asks a program for credentials: <c>docker-credential-NAME get</c>, with the server on its input and JSON on its output.</summary>
internal static class CredentialHelper
{
    /// <summary>The name that a helper gives when what it has is an identity token.</summary>
    private const string TokenUser = "<token>";

    private const int MaximumOutput = 1 << 20;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    /// <returns>Null when the helper knows none.</returns>
    /// <exception cref="RegistryException">It is not there, or fails.</exception>
    public static async Task<RegistryCredentials?> GetAsync(string helper, string server, CancellationToken cancellation)
    {
        string program = $"docker-credential-{helper}";
        if (helper.Length == 0 || helper.Contains('/', StringComparison.Ordinal) || helper.Contains('\0', StringComparison.Ordinal))
        {
            throw Failure(program, server, "has a name that is none");
        }

        using Process process = new() { StartInfo = new ProcessStartInfo(program, ["get"]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true } };
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(s_patience);
        try
        {
            process.Start();
        }
        catch (Win32Exception exception)
        {
            throw Failure(program, server, $"cannot be started: {exception.Message}", exception);
        }

        try
        {
            using StreamReader output = process.StandardOutput, error = process.StandardError;
            Task<string> printed = ReadAsync(output, limit.Token), complaint = ReadAsync(error, limit.Token);
            await WriteAsync(process, server, limit.Token).ConfigureAwait(false);
            await Task.WhenAll(printed, complaint).ConfigureAwait(false);
            await process.WaitForExitAsync(limit.Token).ConfigureAwait(false);
            string text = await printed.ConfigureAwait(false);
            if (process.ExitCode != 0)
            {
                string said = $"{text} {await complaint.ConfigureAwait(false)}".Trim();
                // The protocol has no other mark for it (docker-credential-helpers, credentials.NewErrCredentialsNotFound).
                return said.Contains("credentials not found", StringComparison.OrdinalIgnoreCase) ? null : throw Failure(program, server, $"ended with {process.ExitCode}: {RegistryErrors.Shorten(said)}");
            }

            HelperDocument? document = JsonSerializer.Deserialize(text, RegistryJson.Default.HelperDocument);
            return document is not { Username: { } user, Secret: { } secret } ? throw Failure(program, server, "printed no Username and Secret")
                : user == TokenUser ? new RegistryCredentials("", "") { IdentityToken = secret }
                : new RegistryCredentials(user, secret);
        }
        catch (JsonException exception)
        {
            throw Failure(program, server, "printed what is no JSON", exception);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw Failure(program, server, $"did not answer within {s_patience.TotalSeconds} s");
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
                process.WaitForExit();
            }
        }
    }

    private static async Task WriteAsync(Process process, string server, CancellationToken cancellation)
    {
        try
        {
            await process.StandardInput.WriteAsync(server.AsMemory(), cancellation).ConfigureAwait(false);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading: its status tells.
        }
    }

    private static async Task<string> ReadAsync(StreamReader reader, CancellationToken cancellation)
    {
        char[] buffer = new char[4096];
        System.Text.StringBuilder text = new();
        for (int count; (count = await reader.ReadAsync(buffer.AsMemory(), cancellation).ConfigureAwait(false)) > 0;)
        {
            text.Append(buffer, 0, Math.Min(count, MaximumOutput - text.Length));
        }

        return text.ToString();
    }

    private static RegistryException Failure(string program, string server, string what, Exception? inner = null)
        => new($"The credential helper {program}, which was to know the credentials for {server}, {what}.", "It is named in docker's config.json or podman's auth.json (credHelpers, credsStore).", inner) { Registry = server };
}
