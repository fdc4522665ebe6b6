using Containers;
using Spectre.Console;

namespace ContainerCli.Output;

/// <summary>Shows how layers come or go: a bar for each on a terminal, a line for each that is done elsewhere.</summary>
internal static class TransferDisplay
{
    public static async Task<T> ShowAsync<T>(Func<IProgress<PullProgress>, Task<T>> transfer, bool quiet)
    {
        if (quiet)
        {
            return await transfer(new Direct(_ => { }));
        }

        if (!Screen.IsLive)
        {
            HashSet<string> told = [];
            return await transfer(new Direct(progress => Tell(progress, told)));
        }

        return await Screen.Messages.Progress().AutoClear(false).HideCompleted(false)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn { Width = 40 }, new DownloadedColumn(), new TransferSpeedColumn())
            .StartAsync(context => transfer(new Bars(context)));
    }

    private static void Tell(PullProgress progress, HashSet<string> told)
    {
        lock (told)
        {
            foreach (LayerProgress layer in progress.Layers.Where(layer => layer.State is LayerState.Complete or LayerState.AlreadyThere && told.Add(layer.Digest)))
            {
                Console.Error.WriteLine($"{Quantities.Short(layer.Digest)}: {(layer.State == LayerState.Complete ? Quantities.Size(layer.BytesTotal) : "already there")}");
            }
        }
    }

    /// <summary>Calls at once, and not by a thread of the pool as <see cref="Progress{T}"/> does: the last word is the last.</summary>
    private sealed class Direct(Action<PullProgress> report) : IProgress<PullProgress>
    {
        public void Report(PullProgress value) => report(value);
    }

    private sealed class Bars(ProgressContext context) : IProgress<PullProgress>
    {
        private readonly Dictionary<string, ProgressTask> _bars = [];

        public void Report(PullProgress value)
        {
            lock (_bars)
            {
                foreach (LayerProgress layer in value.Layers)
                {
                    if (!_bars.TryGetValue(layer.Digest, out ProgressTask? bar))
                    {
                        bar = _bars[layer.Digest] = context.AddTask(Quantities.Short(layer.Digest), maxValue: Math.Max(1, layer.BytesTotal));
                    }

                    bar.Value = layer.State is LayerState.Complete or LayerState.AlreadyThere ? bar.MaxValue : Math.Min(layer.BytesDone, bar.MaxValue);
                    if (layer.State == LayerState.AlreadyThere)
                    {
                        bar.Description = Quantities.Short(layer.Digest) + " [grey]already there[/]";
                    }
                }
            }
        }
    }
}
