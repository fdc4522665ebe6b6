using System.Collections.Concurrent;
using Containers.Images;
using Containers.Native;

namespace Containers;

/// <summary>
/// A directory in which the layers of images are kept unpacked, each once, under its digest. Any number of threads and
/// processes can use one at the same time, and what a crashed process left unfinished is removed by the next one.
/// </summary>
/// <remarks>
/// A store belongs to the user who made it and is closed to others. Instances for one directory share what they know:
/// loading an image again, unchanged, takes some microseconds.
/// </remarks>
public sealed partial class ImageStore
{
    private static readonly ConcurrentDictionary<(string Path, UnpackLimits Limits), Storage.ImageLoader> s_loaders = new(), s_squashing = new();

    private static readonly PullOptions s_missing = new() { Policy = PullPolicy.Missing };

    private readonly Storage.ImageLoader _loader;
    private readonly Storage.ImageLoader _squashing;

    /// <summary>Uses a directory as the store. It is made when the first image is loaded.</summary>
    /// <param name="path">The directory; null for the usual one: what the environment variable CONTAINERS_STORE names, or
    /// /var/lib/containers-net for root, or containers-net in $XDG_DATA_HOME (~/.local/share).</param>
    /// <param name="limits">What a layer may be at most; null for <see cref="UnpackLimits.Default"/>.</param>
    public ImageStore(string? path = null, UnpackLimits? limits = null)
    {
        Path = System.IO.Path.GetFullPath(string.IsNullOrEmpty(path) ? DefaultPath() : path).TrimEnd('/');
        Path = Path.Length == 0 ? "/" : Path;
        _loader = s_loaders.GetOrAdd((Path, limits ?? UnpackLimits.Default), static key => new Storage.ImageLoader(new Storage.StoreLayout(key.Path, key.Limits)));
        // For root it is the same: it can give files to everyone.
        _squashing = Kernel.geteuid() == 0 ? _loader : s_squashing.GetOrAdd((Path, limits ?? UnpackLimits.Default), static key => new Storage.ImageLoader(new Storage.StoreLayout(key.Path, key.Limits), squash: true));
    }

    /// <summary>The store in the usual place; the environment is looked at each time.</summary>
    public static ImageStore Default => new();

    /// <summary>The store's directory, absolute.</summary>
    public string Path { get; }

    /// <summary>Loads an image: reads what it is, and unpacks those of its layers that are not there yet. One that has a name and is not in the store is pulled.</summary>
    /// <param name="reference">A name, such as <c>debian:12</c> or <c>localhost:5000/app:1</c>; an image's id; <c>docker-archive:PATH[:NAME]</c>, <c>oci:PATH[:TAG]</c>, <c>oci-archive:PATH[:TAG]</c>, <c>dir:PATH</c>, <c>rootfs:PATH</c>, or a path whose content decides:
    /// it begins with /, ./ or ../, or ends as the name of a tar does.
    /// A rootfs directory is used where it is and never written to; tars can be compressed with gzip, zstd or xz.</param>
    /// <param name="cancellationToken">Ends it with an <see cref="OperationCanceledException"/>; layers that are complete by then stay.</param>
    /// <exception cref="ImageException">There is no such image, or it is damaged, or meant for another machine. The store is as it was.</exception>
    /// <exception cref="RegistryException">The image is in a registry that does not give it.</exception>
    /// <exception cref="KernelException">The store cannot be written, or its file system is full.</exception>
    public Image Load(string reference, CancellationToken cancellationToken = default) => _loader.Load(reference, s_missing, Registries, cancellationToken);

    /// <summary>Loads an image; owners as <see cref="ContainerBuilder.WithSquashedOwners"/> says, or not.</summary>
    internal Image Find(string reference, bool squash, PullPolicy policy, CancellationToken cancellationToken)
        => (squash ? _squashing : _loader).Load(reference, policy == PullPolicy.Missing ? s_missing : new PullOptions { Policy = policy }, Registries, cancellationToken);

    /// <summary>Loads an image as <see cref="Load"/> does, on a thread of the pool.</summary>
    /// <param name="reference">As for <see cref="Load"/>.</param>
    /// <param name="cancellationToken">As for <see cref="Load"/>.</param>
    public Task<Image> LoadAsync(string reference, CancellationToken cancellationToken = default)
        => Task.Run(() => Load(reference, cancellationToken), cancellationToken);

    private static string DefaultPath()
    {
        if (Environment.GetEnvironmentVariable(Storage.StoreLayout.Variable) is { Length: > 0 } chosen)
        {
            return chosen;
        }

        if (Kernel.geteuid() == 0)
        {
            return "/var/lib/containers-net";
        }

        string? data = Environment.GetEnvironmentVariable("XDG_DATA_HOME");
        // The XDG base directory specification has relative paths ignored.
        return System.IO.Path.IsPathRooted(data) ? System.IO.Path.Combine(data!, "containers-net")
            : System.IO.Path.Combine(Environment.GetEnvironmentVariable("HOME") ?? "/", ".local/share/containers-net");
    }
}
