using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text;
using Containers.Native;

namespace Containers;

/// <summary>The streams of a command in a container, as pipelines, text and lines.</summary>
public abstract class CommandStreams
{
    private readonly StreamPipes _pipes;

    private protected CommandStreams(StreamPipes pipes)
    {
        _pipes = pipes;
        StandardInput = pipes.Input is { } input ? PipeWriter.Create(input) : null;
        StandardOutput = pipes.Output is { } output ? PipeReader.Create(output) : null;
        StandardError = pipes.Error is { } error ? PipeReader.Create(error) : null;
        Terminal = pipes.Terminal is { } terminal ? new ContainerTerminal(terminal) : null;
    }

    /// <summary>What the command reads. Complete it, and the command sees the end. Null when it is no pipe.</summary>
    public PipeWriter? StandardInput { get; }

    /// <summary>What the command writes. Read it: a full pipe (64 KiB) makes the command wait. Null when it is no pipe.</summary>
    public PipeReader? StandardOutput { get; }

    /// <summary>What the command writes as errors. Null when it is no pipe.</summary>
    public PipeReader? StandardError { get; }

    /// <summary>The command's terminal; null when it has none.</summary>
    public ContainerTerminal? Terminal { get; }

    /// <summary>Waits for the command's end.</summary>
    /// <param name="cancellationToken">Ends the waiting, not the command.</param>
    public abstract Task<ContainerExit> WaitAsync(CancellationToken cancellationToken = default);

    private protected StreamPipes Pipes => _pipes;

    private protected virtual bool Truncated => false;

    /// <summary>What was told of system calls; null where that was not asked for.</summary>
    private protected virtual SystemCallReport? Told => null;

    /// <summary>Writes past the pipe writer: what is typed goes out at once.</summary>
    internal void WriteTerminal(ReadOnlySpan<byte> bytes) => _pipes.Input!.Write(bytes);

    private protected void DisposeStreams() => _pipes.Dispose();

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

    /// <summary>
    /// Ends standard input: the command sees the end of the file. A terminal is sent what Ctrl-D sends, and can be written to after it: a command that reads
    /// keys and not lines gets just that character.
    /// </summary>
    public void CompleteInput()
    {
        if (Terminal is null)
        {
            StandardInput?.Complete();
        }

        _pipes.EndInput();
    }

    /// <summary>
    /// Makes the command's terminal this process's own, until the command ends: what is typed goes to the command, key by key (Ctrl-C, too), what it writes is shown, and
    /// its terminal has this one's size, also when that changes. Where this process's input is no terminal, it is passed on to its end.
    /// </summary>
    /// <param name="cancellationToken">Ends the connection, not the command.</param>
    /// <exception cref="InvalidOperationException">The command has no terminal.</exception>
    public async Task<ContainerExit> AttachConsoleAsync(CancellationToken cancellationToken = default)
    {
        await ConsoleConnection.RunAsync(this, cancellationToken).ConfigureAwait(false);
        return await WaitAsync(cancellationToken).ConfigureAwait(false);
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

            EndInput();
        }

        await Task.WhenAll(output, error).ConfigureAwait(false);
        return new ContainerResult(await WaitAsync(cancellationToken).ConfigureAwait(false), await output.ConfigureAwait(false), await error.ConfigureAwait(false)) { IsTruncated = Truncated, SystemCallReport = Told };
    }

    // A terminal whose command has ended takes no character any more.
    private void EndInput()
    {
        try
        {
            CompleteInput();
        }
        catch (IOException) when (Terminal is not null)
        {
        }
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
