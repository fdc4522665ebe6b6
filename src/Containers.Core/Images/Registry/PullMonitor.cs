using System.Diagnostics;
using Containers.Images.Manifests;

namespace Containers.Images.Registry;

/// <summary>Counts the bytes of a pull or a push, and tells about them.</summary>
/// <param name="image">The image's name.</param>
/// <param name="progress">Is told; null for nobody.</param>
internal sealed class PullMonitor(string image, IProgress<PullProgress>? progress)
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _byDigest = [];
    private LayerProgress[] _layers = [];
    private long _resumed;
    private long _received;
    private long _told;

    /// <summary>Bytes that came over the network.</summary>
    public long Received => Interlocked.Read(ref _received) - Interlocked.Read(ref _resumed);

    /// <summary>Bytes that an earlier pull had left.</summary>
    public long ResumedBytes => Interlocked.Read(ref _resumed);

    public void Begin(IReadOnlyList<Descriptor> layers)
    {
        lock (_lock)
        {
            _layers = [.. layers.Select(layer => new LayerProgress(layer.Digest!, LayerState.Waiting, 0, layer.Size))];
            foreach (LayerProgress layer in _layers)
            {
                _byDigest.TryAdd(layer.Digest, Array.FindIndex(_layers, other => other.Digest == layer.Digest));
            }
        }

        Tell(now: true);
    }

    /// <summary>A transfer begins, perhaps once more.</summary>
    public void Opened(string digest) => Change(digest, layer => layer with { State = LayerState.Transferring, BytesDone = 0 });

    public void Came(string digest, int count)
    {
        Interlocked.Add(ref _received, count);
        Change(digest, layer => layer with { BytesDone = layer.BytesDone + count });
    }

    /// <summary>Bytes that are told as coming but were there.</summary>
    public void Resumed(string digest, long count) => Interlocked.Add(ref _resumed, count);

    /// <summary>A layer is complete. One that never came was there.</summary>
    public void Finished(int index)
    {
        lock (_lock)
        {
            string digest = _layers[index].Digest;
            for (int i = 0; i < _layers.Length; i++)
            {
                if (_layers[i].Digest == digest && _layers[i].State is (LayerState.Waiting or LayerState.Transferring))
                {
                    LayerProgress layer = _layers[i];
                    _layers[i] = layer with { State = layer.State == LayerState.Waiting ? LayerState.AlreadyThere : LayerState.Complete, BytesDone = layer.BytesTotal };
                }
            }
        }

        Tell(now: false);
    }

    /// <summary>All is done.</summary>
    public void Complete()
    {
        for (int i = 0; i < _layers.Length; i++)
        {
            Finished(i);
        }

        progress?.Report(new PullProgress(image, _layers, isComplete: true));
    }

    private void Change(string digest, Func<LayerProgress, LayerProgress> change)
    {
        lock (_lock)
        {
            if (!_byDigest.TryGetValue(digest, out int index))
            {
                return; // a config or a manifest
            }

            _layers[index] = change(_layers[index]);
        }

        Tell(now: false);
    }

    private void Tell(bool now)
    {
        if (progress is null)
        {
            return;
        }

        long told = Interlocked.Read(ref _told), time = Stopwatch.GetTimestamp();
        if ((now || told == 0 || Stopwatch.GetElapsedTime(told, time) >= s_pause) && Interlocked.CompareExchange(ref _told, time, told) == told)
        {
            LayerProgress[] layers;
            lock (_lock)
            {
                layers = [.. _layers];
            }

            progress.Report(new PullProgress(image, layers, isComplete: false));
        }
    }
}
