using Containers.Launch;
using Containers.Native;

namespace Containers.UserNamespaces;

/// <summary>
/// What root mounts for a container with users of its own, whose child may do it no more: the root, seen with the container's
/// ids, and what is bound. They are mounts without a place, which the child puts into the container's mount namespace.
/// </summary>
internal sealed class PreparedMounts : IDisposable
{
    private readonly List<DescriptorHandle> _mounts = [];

    private PreparedMounts()
    {
    }

    public static PreparedMounts Make(LaunchRequest request, Deputy deputy)
    {
        PreparedMounts prepared = new();
        try
        {
            using NamespaceHandle users = deputy.OpenNamespace("user");
            MountHandle root = request.Spec.RootMode switch
            {
                RootMode.Overlay => MountThread.Run(() => OverlayOnMapped.Make(request, users)),
                RootMode.Copy => MountHandle.Clone(request.LowerDirectories[0]), // with the container's owners already
                _ => MapBound(request.LowerDirectories[0], users),
            };
            prepared._mounts.Add(root);
            request.HostRoot = root.Descriptor;
            foreach (ContainerMount.Bind bind in request.Spec.Mounts.OfType<ContainerMount.Bind>())
            {
                BindMount.Check(bind, KernelFeatures.Current);
                MountHandle mount = bind.Idmapped ? MapBound(bind.Source, users) : MountHandle.Clone(bind.Source, recursive: true);
                prepared._mounts.Add(mount);
                request.HostMounts[bind] = mount.Descriptor;
            }

            return prepared;
        }
        catch
        {
            prepared.Dispose();
            throw;
        }
    }

    /// <summary>What a plan would have of it, with nothing made.</summary>
    public static void Foresee(LaunchRequest request)
    {
        const int Example = 5; // numbers that descriptors may have
        if (request.Maps is not null && Kernel.geteuid() == 0)
        {
            request.HostRoot = Example;
            foreach (ContainerMount.Bind bind in request.Spec.Mounts.OfType<ContainerMount.Bind>())
            {
                request.HostMounts[bind] = Example + 1 + request.HostMounts.Count;
            }
        }
    }

    public void Dispose()
    {
        _mounts.ForEach(mount => mount.Dispose());
        _mounts.Clear();
    }

    private static MountHandle MapBound(string path, NamespaceHandle users)
    {
        MountHandle mount = MountHandle.Clone(path, recursive: true);
        try
        {
            IdMapped.Map(mount, users, path, recursive: true);
            return mount;
        }
        catch
        {
            mount.Dispose();
            throw;
        }
    }
}
