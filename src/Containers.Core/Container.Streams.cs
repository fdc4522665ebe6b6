using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text;
using Containers.Native;

namespace Containers;

// The easy ways to text and lines.
public sealed partial class Container
{
    private ReadBudget? _outputBudget;

    /// <summary>Reads standard output to its end.</summary>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="InvalidOperationException">It is no pipe.</exception>
    public Task<string> ReadOutputAsync(CancellationToken cancellationToken = default) => ReadAsync(StandardOutput, nameof(StandardOutput), cancellationToken);

    /// <summary>Reads standard error to its end.</summary>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="InvalidOperationException">It is no pipe.</exception>
    public Task<string> ReadErrorAsync(CancellationToken cancellationToken = default) => ReadAsync(StandardError, nameof(StandardError), cancellationToken);

    /// <summary>Reads standard output line by line, as they come.</summary>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="InvalidOperationException">It is no pipe.</exception>
    public async IAsyncEnumerable<string> ReadOutputLinesAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using StreamReader reader = new(Pipe(StandardOutput, nameof(StandardOutput)).AsStream(leaveOpen: true), Encoding.UTF8);
        while (await reader.ReadLineAsync(cancellationToken).ConfigureAwait(false) is { } line)
        {
            yield return line;
        }
    }

    /// <summary>Writes text to standard input.</summary>
    /// <param name="text">The text, sent as UTF-8.</param>
    /// <param name="cancellationToken">Ends the writing.</param>
    /// <exception cref="InvalidOperationException">It is no pipe.</exception>
    /// <exception cref="IOException">The command has closed it.</exception>
    public async Task WriteInputAsync(string text, CancellationToken cancellationToken = default)
        => await Pipe(StandardInput, nameof(StandardInput)).WriteAsync(Encoding.UTF8.GetBytes(text), cancellationToken).ConfigureAwait(false);

    /// <summary>Whether it wrote more than <see cref="ContainerBuilder.WithOutputLimit"/> allows. Its streams end at the limit then.</summary>
    public bool IsOutputTruncated => _outputBudget is { Exceeded: true };

    /// <summary>What may be read from both streams together; to be set before anything is.</summary>
    internal void LimitOutput(long bytes)
    {
        _outputBudget = new ReadBudget(bytes, () => Kill(ExitReason.OutputLimit));
        foreach (PipeStream? stream in (ReadOnlySpan<PipeStream?>)[_pipes.Output, _pipes.Error])
        {
            stream?.Budget = _outputBudget;
        }
    }

    /// <summary>Ends standard input: the command sees the end of the file.</summary>
    public void CompleteInput()
    {
        StandardInput?.Complete();
        _pipes.Input?.Dispose();
    }

    internal async Task<ContainerResult> CollectAsync(string? input, CancellationToken cancellationToken)
    {
        Task<string> output = StandardOutput is null ? Task.FromResult("") : ReadOutputAsync(cancellationToken);
        Task<string> error = StandardError is null ? Task.FromResult("") : ReadErrorAsync(cancellationToken);
        if (StandardInput is not null)
        {
            try
            {
                if (input is not null)
                {
                    await WriteInputAsync(input, cancellationToken).ConfigureAwait(false);
                }
            }
            catch (IOException)
            {
                // The command did not read all of it. That is its right, and its status tells the rest.
            }

            CompleteInput();
        }

        await Task.WhenAll(output, error).ConfigureAwait(false);
        return new ContainerResult(await WaitAsync(cancellationToken).ConfigureAwait(false), await output.ConfigureAwait(false), await error.ConfigureAwait(false)) { IsTruncated = IsOutputTruncated, SystemCallReport = SystemCalls?.Report() };
    }

    private static async Task<string> ReadAsync(PipeReader? pipe, string name, CancellationToken cancellationToken)
    {
        using StreamReader reader = new(Pipe(pipe, name).AsStream(leaveOpen: true), Encoding.UTF8);
        return await reader.ReadToEndAsync(cancellationToken).ConfigureAwait(false);
    }

    private static T Pipe<T>(T? pipe, string name)
        where T : class
        => pipe ?? throw new InvalidOperationException($"{name} is no pipe: {nameof(ContainerBuilder.WithStandardStreams)} said otherwise.");
}
